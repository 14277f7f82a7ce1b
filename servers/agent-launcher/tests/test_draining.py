"""A launcher that is told to go waits for its jobs, and not longer than it was told."""

from __future__ import annotations

import signal

from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
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


def test_a_drain_with_a_limit_ends_as_soon_as_all_is_reported(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--drain-within", "2h", "--after-drain", "stop")
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "no more jobs are taken" in launcher.log(), "it drains")

    project.let_go("go")

    assert launcher.wait() == 0
    assert job.status == "completed"


def test_the_first_sigterm_waits_for_what_runs_also_after_the_last_job_that_a_launcher_may_take(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--max-total-jobs", "1")
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    polls = fake.jobs.polls
    wait_until(lambda: fake.jobs.polls > polls, "it asks for stops alone")

    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "no more jobs are taken; 1 still run" in launcher.log(), "it was heard")

    assert len(living(project.pids())) == 1
    project.let_go("go")
    assert launcher.wait() == 0
    assert job.status == "completed"


def test_the_second_sigterm_stops_what_runs_also_after_the_last_job_that_a_launcher_may_take(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--once")
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")
    launcher.signal(signal.SIGTERM)
    wait_until(lambda: "no more jobs are taken" in launcher.log(), "it was heard")

    launcher.signal(signal.SIGTERM)

    assert launcher.wait() == 0
    assert job.status == "stopped"
