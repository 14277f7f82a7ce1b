"""The recovery table, line by line, with launchers that are killed."""

from __future__ import annotations

import json
import os
import signal

from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.launcher_under_test import LauncherUnderTest
from launcher_rig.shims import living
from lib.run_directory import RunDirectory, RunsFolder

from support.waiting import wait_until


def only_run(launcher: LauncherUnderTest) -> RunDirectory:
    """The one run directory there is."""
    (run,) = RunsFolder(launcher.runs).all()
    return run


def test_jobs_outlive_a_killed_launcher_and_are_adopted(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    jobs = [fake.jobs.add(f"job_{number}", "wait-go") for number in range(5)]
    wait_until(lambda: project.count("start") == 5, "the jobs run")

    launcher.kill()
    launcher.start()

    assert "job adopted job_id=job_0 attempt=1" in launcher.log()
    holding = fake.jobs.registrations[-1]["holding"]
    assert isinstance(holding, list)
    assert len(holding) == 5
    project.let_go("go")
    wait_until(lambda: all(job.status == "completed" for job in jobs), "all are completed")
    assert project.count("start") == 5


def test_an_end_while_no_launcher_lived_is_reported_by_the_next_one(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.kill()
    project.let_go("go")
    wait_until(lambda: not launcher.shims(), "the job ended")

    launcher.start()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert project.count("start") == 1


def test_an_adopted_job_can_be_stopped(fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.1)
    wait_until(lambda: project.count("deaf"), "the job runs")
    launcher.kill()
    launcher.start()

    fake.jobs.stop("job_1")

    wait_until(lambda: job.status == "stopped", "the job is stopped")
    assert living(project.pids()) == []


def test_a_time_limit_holds_while_no_launcher_lives(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-never", timeout_seconds=1.0, stop_grace_seconds=0.1)
    wait_until(lambda: job.status == "running", "the job runs")
    launcher.kill()

    wait_until(lambda: not launcher.shims(), "the shim ended it")
    assert living(project.pids()) == []
    launcher.start()
    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "timed_out"
    assert job.reports[0][1]["error"] == "stopped after its time limit of 1 s"


def test_a_log_goes_on_where_the_runtime_stands(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    flag = project.root / "go"
    project.write("ao-start", f"#!/bin/sh\necho early\nwhile [ ! -e {flag} ]; do sleep 0.02; done\necho late\n")
    launcher.start()
    job = fake.jobs.add("job_1", "s")
    wait_until(lambda: bytes(job.log) == b"early\n", "the first line is there")
    fake.jobs.adopts = False  # the runtime does not say where it stands: the offset is learned from its 409
    launcher.kill()
    launcher.start()

    flag.touch()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert bytes(job.log) == b"early\nlate\n"


def test_a_claim_of_which_nothing_ran_is_given_back(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("started", Fault.LOST_REQUEST, times=10_000)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()
    wait_until(lambda: fake.count("started"), "it asks for the grant")
    launcher.kill()
    assert project.ledger() == []

    fake.heal()
    fake.fail("poll", Fault.SERVER_ERROR, times=10_000)  # until it is given back it is not handed out again
    launcher.start()
    wait_until(lambda: job.declines, "the claim is given back")
    fake.heal()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert [decline["reason"] for decline in job.declines] == ["never_started"]
    assert project.count("start") == 1


def test_a_grant_whose_answer_was_lost_with_the_launcher_runs_after_all(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("started", Fault.LOST_ANSWER, times=10_000)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()
    wait_until(lambda: job.status == "running", "the runtime granted it")
    launcher.kill()
    assert project.ledger() == []

    fake.heal()
    launcher.start()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert job.attempt == 1
    assert project.count("start") == 1


def test_a_killed_shim_is_noticed_at_once_and_leaves_no_process(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "tree-3")
    wait_until(lambda: project.count("leaf") == 3, "the tree stands")

    os.kill(launcher.shims()[0], signal.SIGKILL)

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "shim_died"
    assert living(project.pids()) == []


def test_a_shim_that_was_killed_together_with_the_launcher_is_settled_by_the_next_one(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "tree-3")
    wait_until(lambda: project.count("leaf") == 3, "the tree stands")
    launcher.kill()
    os.kill(launcher.shims()[0], signal.SIGKILL)

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "shim_died"
    assert living(project.pids()) == []


def test_a_job_of_an_earlier_boot_is_reported_as_such_and_its_marks_are_not_searched(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-never")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.kill()
    os.kill(launcher.shims()[0], signal.SIGKILL)
    order = only_run(launcher).path / "job.json"
    order.write_text(json.dumps(json.loads(order.read_text("utf-8")) | {"boot_id": "another"}), "utf-8")

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "host_rebooted"


def test_a_grant_of_an_earlier_boot_does_not_run_after_all(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("started", Fault.LOST_ANSWER, times=10_000)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()
    wait_until(lambda: job.status == "running", "the runtime granted it")
    launcher.kill()
    order = only_run(launcher).path / "job.json"
    order.write_text(json.dumps(json.loads(order.read_text("utf-8")) | {"boot_id": "another"}), "utf-8")
    fake.heal()

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "host_rebooted"
    assert project.ledger() == []


def test_a_half_written_order_is_swept_away(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    half = launcher.runs / "job_9.1"
    half.mkdir(parents=True)
    (half / "job.json.new").write_text('{"job": {"job_', "utf-8")

    launcher.start()

    assert not half.exists()


def test_what_was_acknowledged_is_kept_for_a_day(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start()
    for number in (1, 2):
        fake.jobs.add(f"job_{number}", "exit-0")
    wait_until(lambda: len(list(launcher.runs.glob("*/acked"))) == 2, "both are acknowledged")
    launcher.kill()
    os.utime(launcher.runs / "job_1.1" / "acked", (1, 1))

    launcher.start()

    assert [path.name for path in launcher.runs.iterdir()] == ["job_2.1"]


def test_a_launcher_keeps_its_id_but_a_copy_on_another_machine_does_not(
    fake: FakeRuntime, launcher: LauncherUnderTest
) -> None:
    launcher.start()
    launcher.kill()
    launcher.start()
    assert fake.jobs.registrations[1]["launcher_id"] == "lnch_1"
    launcher.kill()
    identity = launcher.state_dir / "identity.json"
    identity.write_text(json.dumps(json.loads(identity.read_text("utf-8")) | {"machine": "another"}), "utf-8")

    launcher.start()

    assert "launcher_id" not in fake.jobs.registrations[2]
