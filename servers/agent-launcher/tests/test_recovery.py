"""The recovery table, line by line, with launchers that are killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.launcher_under_test import LauncherUnderTest

from lib.keeper import process_tree
from lib.keeper.journal import DiskFile, Journal
from lib.wire.models import JsonObject
from support.waiting import wait_until


def forge(path: Path, **changes: JsonObject) -> None:
    """Change what a dead keeper's journal says in all records of a kind."""
    journal = Journal(DiskFile(str(path)))
    told = [{**record, **changes.get(str(record["kind"]), {})} for record in journal.read()]
    journal.rewrite(told)


def kill_both(launcher: LauncherUnderTest) -> None:
    """Kill the launcher and its keeper, as an out-of-memory kill of the whole service does."""
    launcher.kill()
    launcher.kill_keepers()
    wait_until(lambda: not launcher.keepers(), "the keeper is dead")


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
    wait_until(lambda: not launcher.keepers(), "the keeper has nothing to do any more")

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

    wait_until(lambda: not launcher.keepers(), "the keeper ended it")
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


@pytest.mark.parametrize("way", ["", "mark"])
def test_a_killed_keeper_is_replaced_and_its_command_goes_on_to_its_exit_code(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, way: str
) -> None:
    project.write("ao-start", f"#!/bin/sh\nuntil [ -e {project.root}/go ]; do sleep 0.01; done\nexit 9\n")
    launcher.start(AGENT_LAUNCHER_CONTAINMENT=way)
    job = fake.jobs.add("job_1", "s")
    wait_until(lambda: job.status == "running", "the job runs")
    (before,) = launcher.keepers()
    wait_until(lambda: b'"spawned"' in launcher.journal.read_bytes(), "its command runs, and the keeper wrote it down")
    launcher.kill_keepers()
    wait_until(lambda: launcher.keepers() not in ([], [before]), "another keeper is there")

    project.let_go("go")

    # The launcher collected the code, as what a dead keeper leaves falls to it.
    wait_until(lambda: job.reports, "the job is reported")
    assert (job.reports[0][1]["exit_code"], job.reports[0][1]["reason"]) == (9, "nonzero_exit")
    later = fake.jobs.add("job_2", "s")
    wait_until(lambda: later.reports, "the next one runs under the new keeper")


@pytest.mark.parametrize("way", ["", "mark"])
def test_a_stop_after_the_keeper_was_killed_leaves_no_process(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, way: str
) -> None:
    launcher.start(AGENT_LAUNCHER_CONTAINMENT=way)
    job = fake.jobs.add("job_1", "escape-3", stop_grace_seconds=0.1)
    wait_until(lambda: project.count("leaf") == 3, "the tree stands")
    launcher.kill_keepers()

    fake.jobs.stop("job_1")

    wait_until(lambda: job.status == "stopped", "the job is stopped")
    assert living(project.pids()) == []


def test_a_keeper_that_was_killed_together_with_the_launcher_is_replaced_and_the_command_adopted(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    project.write(
        "ao-start",
        f"#!/bin/sh\nuntil [ -e {project.root}/go ]; do sleep 0.01; done\n"
        "echo '{\"exit_code\": 7}' > $AGENT_OUTCOME_FILE\nexit 7\n",
    )
    launcher.start()
    job = fake.jobs.add("job_1", "s")
    wait_until(lambda: b'"spawned"' in launcher.journal.read_bytes(), "its command runs, and the keeper wrote it down")
    kill_both(launcher)
    launcher.start()
    assert "job adopted job_id=job_1 attempt=1" in launcher.log()

    project.let_go("go")

    wait_until(lambda: job.reports, "the job is reported")
    assert (job.reports[0][1]["exit_code"], job.attempt) == (7, 1)


def test_of_a_command_that_died_with_launcher_and_keeper_nothing_is_left_and_nothing_is_invented(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "escape-3")
    wait_until(lambda: project.count("leaf") == 3, "the tree stands")
    (command,) = {int(line[2]) for line in project.ledger() if line[0] == "start"}
    kill_both(launcher)
    os.kill(command, 9)
    assert len(living(project.pids())) >= 3

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "shim_died"
    assert living(project.pids()) == []
    assert project.count("start") == 1


def test_an_attempt_whose_end_the_runtime_does_not_know_is_reported_by_any_later_keeper(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("failed", Fault.LOST_REQUEST, times=10_000)
    job = fake.jobs.add("job_1", "exit-3")
    launcher.start()
    wait_until(lambda: fake.count("failed"), "it tries to report")
    kill_both(launcher)
    launcher.start()
    kill_both(launcher)
    fake.heal()

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert (job.reports[0][1]["exit_code"], project.count("start")) == (3, 1)
    wait_until(lambda: not launcher.held(), "it is acknowledged")


def test_a_job_of_an_earlier_boot_is_reported_as_such_and_its_processes_are_not_searched(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-never")
    wait_until(lambda: project.count("start"), "the job runs")
    kill_both(launcher)
    forge(launcher.journal, ordered={"boot": "another"}, granted={"boot": "another"})

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "host_rebooted"
    # Whoever has the marks of another boot's job by now is a stranger: a search would have found this one.
    assert len(living(project.pids())) == 1


def test_a_grant_of_an_earlier_boot_does_not_run_after_all(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("started", Fault.LOST_ANSWER, times=10_000)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()
    wait_until(lambda: job.status == "running", "the runtime granted it")
    kill_both(launcher)
    forge(launcher.journal, ordered={"boot": "another"})
    fake.heal()

    launcher.start()

    wait_until(lambda: job.reports, "the job is reported")
    assert job.reports[0][1]["reason"] == "host_rebooted"
    assert project.ledger() == []


def test_a_torn_journal_and_a_folder_that_is_nobodys_do_not_hold_up_a_start(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    kill_both(launcher)
    journal = launcher.journal
    journal.write_bytes(journal.read_bytes().rstrip(b"\0") + b'deadbeef {"kind": "ord')
    (launcher.runs / "job_9.1").mkdir()

    launcher.start()

    assert "job adopted job_id=job_1 attempt=1" in launcher.log()
    project.let_go("go")
    wait_until(lambda: job.reports, "the job is reported")
    assert project.count("start") == 1


def test_what_was_delivered_is_kept_for_a_day(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start()
    jobs = [fake.jobs.add(f"job_{number}", "exit-0") for number in (1, 2)]
    wait_until(lambda: all(job.reports for job in jobs) and not launcher.held(), "both are acknowledged")
    launcher.kill()
    for written in (launcher.runs / "job_1.1/output.log", launcher.runs / "job_1.1"):
        os.utime(written, (1, 1))

    launcher.start()

    wait_until(lambda: [path.name for path in launcher.runs.iterdir()] == ["job_2.1"], "the old one is deleted")


def test_an_old_keeper_finishes_what_it_holds_while_new_jobs_go_to_a_new_one(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    version = launcher.script.parent / "lib" / "version.py"
    ours = version.read_text("utf-8")
    version.write_text('VERSION = "0.0.1"\n', "utf-8")
    launcher.start()
    old = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    (old_keeper,) = launcher.keepers()
    launcher.kill()
    version.write_text(ours, "utf-8")

    launcher.start()

    new = fake.jobs.add("job_2", "exit-0")
    wait_until(lambda: new.status == "completed", "the new one is completed")
    assert len(launcher.keepers()) == 2
    assert process_tree.is_living(old_keeper)
    project.let_go("go")
    wait_until(lambda: old.status == "completed", "the old one is completed")
    wait_until(lambda: not process_tree.is_living(old_keeper), "the old keeper has left")
    assert len(launcher.keepers()) == 1
    launcher.kill()
    launcher.start()
    wait_until(lambda: len(list(launcher.keepers_folder.iterdir())) == 1, "what the old keeper left is deleted")
    assert len(launcher.keepers()) == 1
    assert project.count("start") == 2


def test_a_launcher_keeps_its_id_but_a_copy_on_another_machine_does_not(
    fake: FakeRuntime, launcher: LauncherUnderTest
) -> None:
    launcher.start()
    launcher.kill()
    launcher.start()
    assert fake.jobs.registrations[1]["launcher_id"] == "lnch_1"
    launcher.kill()
    identity = launcher.state_dir / "identity.json"
    another = {"machine": "another", "folder": "another"}
    identity.write_text(json.dumps(json.loads(identity.read_text("utf-8")) | another), "utf-8")

    launcher.start()

    assert "launcher_id" not in fake.jobs.registrations[2]
