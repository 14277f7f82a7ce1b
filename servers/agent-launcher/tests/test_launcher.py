"""The main flow of a launcher process, from its start to its goodbye."""

from __future__ import annotations

import os
import signal

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.launcher_under_test import LauncherUnderTest

from support.waiting import wait_until


def test_a_job_is_picked_up_run_and_reported(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "exit-0")

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert job.moves == ["claimed", "running", "completed"]
    assert job.reports[0][1]["exit_code"] == 0
    assert bytes(job.log) == b"last words\n"


def test_a_failed_job_tells_its_last_words(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "exit-3")

    wait_until(lambda: job.reports, "the job is reported")
    outcome, body = job.reports[0]
    assert outcome == "failed"
    assert (body["error"], body["reason"], body["exit_code"]) == ("last words", "nonzero_exit", 3)


def test_a_runtime_that_knows_only_the_seeds_fields_is_served(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    fake.jobs.is_seed = True
    launcher.start()
    job = fake.jobs.add("job_1", "exit-0")

    wait_until(lambda: job.status == "completed", "the job is completed")
    outcome, body = job.reports[0]
    assert (outcome, body["status"]) == ("completed", "success")
    assert "attempt" not in body
    assert "token" not in body


def test_many_jobs_run_at_once(fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject) -> None:
    jobs = [fake.jobs.add(f"job_{number}", "wait-go") for number in range(20)]
    launcher.start()

    wait_until(lambda: project.count("start") == 20, "all jobs run at once")
    project.let_go("go")
    wait_until(lambda: all(job.status == "completed" for job in jobs), "all are completed")
    assert all(job.moves == ["claimed", "running", "completed"] for job in jobs)


def test_a_full_launcher_takes_the_next_job_as_soon_as_a_place_is_free(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--max-jobs", "1")
    first = fake.jobs.add("job_1", "wait-go")
    second = fake.jobs.add("job_2", "exit-0")
    wait_until(lambda: project.count("start") == 1 and fake.jobs.polls >= 2, "the first runs, the launcher polls full")
    assert second.status == "pending"

    project.let_go("go")

    # The parked poll waits 30 s; the launcher must not.
    wait_until(lambda: second.status == "completed", "the second is completed", 25)
    assert first.status == "completed"


def test_a_full_launcher_hears_of_stops(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--max-jobs", "1")
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.1)
    wait_until(lambda: project.count("deaf"), "the job runs")

    fake.jobs.stop("job_1")

    wait_until(lambda: job.status == "stopped", "the job is stopped", 25)
    assert job.reports[0][1]["reason"] == "stopped_by_user"
    assert living(project.pids()) == []


def test_a_job_that_is_stopped_before_it_was_granted_never_runs(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("started", Fault.LOST_REQUEST, times=10_000)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()
    wait_until(lambda: fake.count("started"), "the launcher stands at the gate and asks")

    fake.jobs.stop("job_1")
    fake.heal()
    other = fake.jobs.add("job_2", "exit-0")

    wait_until(lambda: other.status == "completed", "the launcher goes on")
    assert "job not started job_id=job_1" in launcher.log()
    assert job.moves == ["claimed", "stopped"]
    assert project.count("start", "job_1") == 0
    assert not list(launcher.runs.glob("job_1.*"))


def test_a_command_that_cannot_be_started_is_a_failed_job_with_a_sentence(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", "#!/bin/sh\n", 0o644)
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: job.reports, "the job is reported")
    outcome, body = job.reports[0]
    assert (outcome, body["reason"]) == ("failed", "spawn_failed")
    assert body["error"] == f"cannot start '{project.commands / 'ao-start'}': it is not executable (chmod +x it)"


def test_an_outcome_file_gives_the_reason_and_the_cost(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    outcome = '{"reason": "backend_auth", "error": "log in first", "usage": {"input_tokens": 5}, "cost_usd": 0.25}'
    project.write("ao-start", f"#!/bin/sh\necho '{outcome}' > $AGENT_OUTCOME_FILE\nexit 1\n")
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: job.reports, "the job is reported")
    body = job.reports[0][1]
    assert (body["reason"], body["error"]) == ("backend_auth", "log in first")
    assert (body["usage"], body["cost_usd"]) == ({"input_tokens": 5}, 0.25)


WITNESSES = {
    "one that ran its agent to its end": ('{"ending": "completed", "exit_code": 0}', "completed", None),
    "one of an older version": ('{"exit_code": 0}', "completed", None),
    "one that knows nothing of notes": (None, "completed", "exit_status_only"),
    "one whose note is about something else": ('{"usage": {"input_tokens": 5}}', "completed", "exit_status_only"),
    "one that printed its help": ('{"ending": null}', "failed", "unwitnessed"),
    "one whose failure was swallowed": (
        '{"ending": "failed", "exit_code": 1, "reason": "backend_auth", "error": "log in"}',
        *("failed", "backend_auth"),
    ),
    "one whose stop was swallowed": ('{"ending": "stopped", "exit_code": 143}', "failed", "unwitnessed"),
}


@pytest.mark.parametrize("kind", WITNESSES)
def test_a_command_that_ends_with_0_is_a_success_only_with_a_witness(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, kind: str
) -> None:
    note, outcome, reason = WITNESSES[kind]
    leave = f"echo '{note}' > $AGENT_OUTCOME_FILE\n" if note else ""
    project.write("ao-start", f"#!/bin/sh\n{leave}echo 'Usage: ao-start'\nexit 0\n")
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: job.reports, "the job is reported")
    found, body = job.reports[0]
    assert (found, body.get("reason")) == (outcome, reason)
    if reason == "unwitnessed":
        assert "did not say that its agent ran to its end" in str(body["error"])
        assert "Usage: ao-start" in str(body["error"])


def test_output_arrives_while_the_job_runs(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    flag = project.root / "go"
    project.write("ao-start", f"#!/bin/sh\necho early\nwhile [ ! -e {flag} ]; do sleep 0.02; done\necho late\n")
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: bytes(job.log) == b"early\n", "the first line is there")
    assert job.status == "running"
    flag.touch()
    wait_until(lambda: job.status == "completed", "the job is completed")
    assert bytes(job.log) == b"early\nlate\n"
    assert job.reports[0][1]["log_bytes"] == len(job.log)


def test_of_a_flood_the_runtime_gets_beginning_and_end(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    project.write(
        "ao-start", "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' a\nhead -c 30000000 /dev/zero\necho end\n"
    )
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: job.status == "completed", "the job is completed")
    wait_until(lambda: len(job.log) == 31_000_004, "the end is there")
    assert job.log_skips >= 1
    assert bytes(job.log[:1_000_000]) == b"a" * 1_000_000
    assert bytes(job.log[-4:]) == b"end\n"
    assert fake.count("log") < 60


def test_a_job_without_output_costs_no_log_call(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", "#!/bin/sh\n")
    launcher.start()
    job = fake.jobs.add("job_1", "s")

    wait_until(lambda: job.status == "completed", "the job is completed")
    wait_until(lambda: not launcher.held(), "it is acknowledged")
    assert fake.count("log") == 0


def test_the_token_is_sent_and_never_given_to_a_job_nor_logged(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", '#!/bin/sh\necho "token=$AGENT_RUNTIME_TOKEN"\n')
    launcher.start("--verbose", AGENT_RUNTIME_TOKEN="launchers-own")
    job = fake.jobs.add("job_1", "s", prompt="a secret prompt", session_token="the-childs")

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert set(fake.authorizations) == {"Bearer launchers-own"}
    assert bytes(job.log) == b"token=the-childs\n"
    assert not any(
        secret in launcher.log() for secret in ("launchers-own", "the-childs", "a secret prompt", "token-job")
    )


def test_a_second_launcher_on_the_same_state_folder_is_refused(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    first_pid = launcher.pid
    second = LauncherUnderTest(CommandProject(project.root / "other"), fake.url)
    second.state_dir = launcher.state_dir
    second.start()

    assert second.wait() == 4
    assert f"is in use by the launcher with pid {first_pid}" in second.log()
    assert launcher.is_alive()


def test_a_project_folder_outside_the_project_roots_is_told_once_at_the_start(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    (project.root / "inside").mkdir()
    launcher.start("--project-root", str(project.root / "inside"))

    warning = f"the project folder '{project.root}' is outside the project roots"
    wait_until(lambda: warning in launcher.log(), "it says so")
    assert launcher.log().count(warning) == 1


def test_the_first_interrupt_lets_running_jobs_end_and_says_goodbye(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")

    launcher.signal(signal.SIGINT)
    wait_until(lambda: "1 still run (Ctrl+C again stops them)" in launcher.log(), "it says what it does")
    late = fake.jobs.add("job_2", "exit-0")
    project.let_go("go")

    assert launcher.wait() == 0
    assert job.status == "completed"
    assert late.status == "pending"
    assert fake.jobs.goodbyes == 1


def test_the_second_interrupt_stops_the_running_jobs_and_reports_them(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.2)
    wait_until(lambda: project.count("deaf"), "the job runs")

    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "Ctrl+C again stops them" in launcher.log(), "it drains")
    launcher.signal(signal.SIGINT)

    assert launcher.wait() == 0
    assert job.status == "stopped"
    assert living(project.pids()) == []


def test_the_third_interrupt_leaves_the_jobs_running_and_the_next_start_adopts_them(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "hold-go", stop_grace_seconds=600)
    wait_until(lambda: project.count("ready"), "the job runs")

    launcher.signal(signal.SIGINT)
    wait_until(lambda: "Ctrl+C again stops them" in launcher.log(), "it drains")
    launcher.signal(signal.SIGINT)
    wait_until(lambda: "Ctrl+C again leaves them" in launcher.log(), "it stops them")
    launcher.signal(signal.SIGINT)

    assert launcher.wait() == 130
    assert len(living(project.pids())) == 1
    launcher.start()
    project.let_go("go")
    wait_until(lambda: job.status == "stopped", "the stop that was begun is reported")


def test_a_hang_up_leaves_at_once_and_the_next_start_adopts(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    jobs = [fake.jobs.add(f"job_{number}", "wait-go") for number in range(5)]
    wait_until(lambda: project.count("start") == 5, "the jobs run")

    launcher.signal(signal.SIGHUP)
    assert launcher.wait() == 0
    assert len(living(project.pids())) == 5
    launcher.start()
    project.let_go("go")

    wait_until(lambda: all(job.status == "completed" for job in jobs), "all are completed")
    assert project.count("start") == 5
    assert fake.jobs.goodbyes == 0


def test_once_takes_one_job_and_leaves(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    first, second = fake.jobs.add("job_1", "exit-0"), fake.jobs.add("job_2", "exit-0")

    assert launcher.start("--once").wait() == 0
    assert (first.status, second.status) == ("completed", "pending")


def test_exit_when_idle_works_everything_off_and_leaves(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    jobs = [fake.jobs.add(f"job_{number}", "exit-0") for number in range(3)]

    assert launcher.start("--exit-when-idle").wait() == 0
    assert all(job.status == "completed" for job in jobs)


def test_heartbeats_go_on_while_the_launcher_drains(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start(HEARTBEAT_INTERVAL="0.2")
    fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "no more jobs are taken" in launcher.log(), "it drains")
    before = len(fake.jobs.heartbeats)

    wait_until(lambda: len(fake.jobs.heartbeats) > before + 1, "it beats on")
    assert fake.jobs.heartbeats[-1]["holding"] == [{"job_id": "job_1", "attempt": 1, "token": "token-job_1-1"}]
    project.let_go("go")
    assert launcher.wait() == 0


def test_a_state_folder_whose_path_is_longer_than_a_sockets_name_may_be_is_fine(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.state_dir = project.root / ("long" * 40) / "state"
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.kill()

    launcher.start()

    assert "job adopted job_id=job_1" in launcher.log()
    project.let_go("go")
    wait_until(lambda: job.status == "completed", "the job is completed")
    assert len(launcher.keepers()) == 1


def test_a_suspended_keeper_holds_up_a_stop_no_longer_than_it_is_suspended(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.1)
    wait_until(lambda: project.count("deaf"), "the job runs")
    (keeper,) = launcher.keepers()
    os.kill(keeper, signal.SIGSTOP)
    fake.jobs.stop("job_1")
    wait_until(lambda: "job stop asked job_id=job_1" in launcher.log(), "it is told to stop")

    os.kill(keeper, signal.SIGCONT)

    wait_until(lambda: job.status == "stopped", "the job is stopped")
    assert living(project.pids()) == []
