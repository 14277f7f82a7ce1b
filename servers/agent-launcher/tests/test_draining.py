"""A launcher that is told to go waits for its jobs, and not longer than it was told."""

from __future__ import annotations

import signal

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.fake_jobs import FakeJob
from launcher_rig.fake_runtime import FakeRuntime
from launcher_rig.launcher_under_test import LauncherUnderTest

from support.waiting import wait_until


def test_a_drain_with_a_limit_leaves_what_runs_longer_to_be_adopted(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--drain-within", "0.1s")
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")

    launcher.signal(signal.SIGTERM)

    assert launcher.wait() == 0
    assert "as long as --drain-within allows" in launcher.log()
    assert len(living(project.pids())) == 1
    launcher.start()
    project.let_go("go")
    wait_until(lambda: job.status == "completed", "the next start reports it")


def test_a_drain_with_a_limit_stops_what_runs_longer_if_it_shall(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start(AGENT_LAUNCHER_DRAIN_WITHIN="0.1", AGENT_LAUNCHER_AFTER_DRAIN="stop")
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.2)
    wait_until(lambda: project.count("deaf"), "the job runs")

    launcher.signal(signal.SIGTERM)

    assert launcher.wait() == 0
    assert job.status == "stopped"
    assert living(project.pids()) == []


def told_to_go(fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, *flags: str) -> FakeJob:
    """Start a launcher, let it run a job that waits, and send the first SIGTERM, which it hears."""
    launcher.start(*flags)
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "no more jobs are taken; 1 still run" in launcher.log(), "it was heard")
    return job


# With one of the last two it drains by itself already when the signal comes.
@pytest.mark.parametrize(
    "flags", [("--drain-within", "2h", "--after-drain", "stop"), ("--max-total-jobs", "1"), ("--once",)]
)
def test_a_drain_ends_as_soon_as_all_is_reported_and_the_first_sigterm_ends_no_job(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, flags: tuple[str, ...]
) -> None:
    job = told_to_go(fake, launcher, project, *flags)

    assert len(living(project.pids())) == 1
    project.let_go("go")

    assert launcher.wait() == 0
    assert job.status == "completed"


def test_the_second_sigterm_stops_what_runs_also_after_the_last_job_that_a_launcher_may_take(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    job = told_to_go(fake, launcher, project, "--once")

    launcher.signal(signal.SIGTERM)

    assert launcher.wait() == 0
    assert job.status == "stopped"
