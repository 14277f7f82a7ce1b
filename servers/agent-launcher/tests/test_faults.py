"""Lost answers, proxies' pages and forgetful runtimes: nothing is lost and nothing runs twice."""

from __future__ import annotations

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.launcher_under_test import LauncherUnderTest

from support.waiting import wait_until


@pytest.mark.parametrize("call", ["register", "poll", "started", "completed"])
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.HALF_ANSWER])
def test_a_lost_answer_loses_no_job_and_runs_none_twice(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, call: str, fault: Fault
) -> None:
    fake.fail(call, fault)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert project.count("start") == 1
    assert job.attempt == 1
    assert len(job.reports) == 1


def test_answers_that_are_not_the_runtimes_end_nothing(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    fake.fail("register", Fault.UNAUTHORIZED)
    fake.fail("poll", Fault.PROXY_PAGE)
    fake.fail("started", Fault.HTML_404)
    fake.fail("completed", Fault.SERVER_ERROR)
    fake.fail("log", Fault.BAD_GATEWAY)
    job = fake.jobs.add("job_1", "exit-0")
    launcher.start()

    wait_until(lambda: job.status == "completed" and bytes(job.log) == b"last words\n", "the job is completed")
    assert project.count("start") == 1


def test_a_runtime_that_forgot_the_launcher_gets_it_back_with_all_it_holds(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start(POLL_TIMEOUT="1")
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: job.status == "running", "the job runs")

    fake.jobs.forget_launcher()

    wait_until(lambda: len(fake.jobs.registrations) > 1, "it registered again")
    polls = fake.jobs.polls
    wait_until(lambda: fake.jobs.polls > polls, "it polls on")
    assert len(fake.jobs.registrations) == 2
    assert fake.jobs.registrations[1]["holding"] == [{"job_id": "job_1", "attempt": 1, "token": "token-job_1-1"}]
    project.let_go("go")
    wait_until(lambda: job.status == "completed", "the job is completed")


def test_a_launcher_that_a_living_one_supersedes_leaves_and_touches_nothing(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: project.count("start"), "the job runs")

    fake.jobs.supersede()
    wait_until(lambda: len(fake.jobs.registrations) == 2, "it registered once more")
    fake.jobs.supersede()

    assert launcher.wait() == 4
    assert len(living(project.pids())) == 1
    assert job.status == "running"
    assert fake.jobs.goodbyes == 0


def test_what_is_fenced_off_is_ended_without_a_word(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start(HEARTBEAT_INTERVAL="0.2")
    job = fake.jobs.add("job_1", "deaf", stop_grace_seconds=0.1)
    wait_until(lambda: project.count("deaf"), "the job runs")

    fake.jobs.drops.append({"job_id": "job_1", "attempt": 1, "reason": "fenced_off"})

    wait_until(lambda: not living(project.pids()), "it is ended")
    wait_until(lambda: not launcher.held(), "it is put aside")
    assert job.reports == []


def test_a_report_that_the_runtime_does_not_want_is_put_aside_and_others_go_on(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    unwanted = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: unwanted.status == "running", "the job runs")
    del fake.jobs.jobs["job_1"]
    project.let_go("go")
    other = fake.jobs.add("job_2", "exit-0")

    wait_until(lambda: other.status == "completed", "the other one is completed")
    wait_until(lambda: "report put aside job_id=job_1" in launcher.log(), "it is put aside")


def test_an_end_during_an_outage_is_reported_afterwards(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: job.status == "running", "the job runs")
    for call in ("poll", "completed", "log", "heartbeat"):
        fake.fail(call, Fault.LOST_REQUEST, times=10_000)
    project.let_go("go")
    wait_until(lambda: fake.count("completed") >= 2, "it tries")

    fake.heal()

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert len(job.reports) == 1
    assert bytes(job.log) == b""


def test_the_same_claim_twice_runs_once(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "wait-go")
    wait_until(lambda: job.status == "running", "the job runs")
    with fake.jobs.changed:
        job.status = "claimed"  # as if the runtime had lost the grant
        fake.jobs.changed.notify_all()

    polls = fake.jobs.polls
    wait_until(lambda: fake.jobs.polls > polls + 2, "the claim came again")
    job.status = "running"
    project.let_go("go")
    wait_until(lambda: job.status == "completed", "the job is completed")
    assert project.count("start") == 1
