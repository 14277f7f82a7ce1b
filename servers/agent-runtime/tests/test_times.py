"""Times are the process's, as far as whoever ran it can say; no clock that is set makes them impossible."""

from datetime import timedelta

import pytest
from household import Household

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.services.jobs.budgets import sum_up
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.launchers.presence import lose
from agent_runtime.services.launchers.reports import Report, finish
from agent_runtime.services.ports.store import Transaction
from agent_runtime.upkeep.families import look_after_families
from agent_runtime.upkeep.lost_jobs import decide_about_lost_jobs
from support.store_rig import StoreRig, proof


def running(rig: StoreRig) -> Job:
    """Have a job run."""
    rig.create()
    return rig.run(rig.launcher())


def spent(rig: StoreRig, job: Job) -> float:
    """How many seconds the session of a job has run."""

    def ask(tx: Transaction) -> float:
        session = tx.sessions.get(job.session_id)
        assert session is not None
        return sum_up(tx, [session]).own[session.id].run_seconds

    return rig.do(ask)


def seconds_of(job: Job) -> float:
    """What the two times of a job that is over say."""
    assert job.started_at is not None
    assert job.ended_at is not None
    return (job.ended_at - job.started_at).total_seconds()


def test_an_end_that_is_heard_of_late_costs_what_was_run(rig: StoreRig) -> None:
    job = running(rig)
    ended_at = rig.clock.now() + timedelta(seconds=7.9)
    rig.clock.move(seconds=36)

    ended = rig.end(job, run_seconds=7.9, ended_at=ended_at).job

    assert (ended.run_seconds, ended.ended_at) == (7.9, ended_at)
    assert spent(rig, job) == pytest.approx(7.9)


@pytest.mark.parametrize("set_by", [-7200, -1, 3600])
def test_our_clock_that_is_set_while_a_job_runs_makes_no_time_impossible(rig: StoreRig, set_by: int) -> None:
    job = running(rig)
    rig.clock.move(seconds=5)
    rig.clock.move(seconds=set_by)
    assert spent(rig, job) >= 0.0

    ended = rig.end(job, run_seconds=5.0).job

    assert seconds_of(ended) >= 5.0
    assert spent(rig, job) == pytest.approx(5.0)


@pytest.mark.parametrize("wrong_by", [-7200, -4, 3600])
def test_a_launchers_clock_that_is_wrong_is_believed_as_far_as_it_can(rig: StoreRig, wrong_by: int) -> None:
    job = running(rig)
    rig.clock.move(seconds=8)
    theirs = rig.clock.now() + timedelta(seconds=wrong_by)

    ended = rig.end(job, run_seconds=8.0, ended_at=theirs).job

    assert seconds_of(ended) == pytest.approx(8.0)


def test_a_launcher_that_knows_no_clock_of_ours_is_heard_by_ours(rig: StoreRig) -> None:
    job = running(rig)
    rig.clock.move(seconds=8)

    ended = rig.end(job).job

    assert (ended.run_seconds, seconds_of(ended)) == (8.0, 8.0)


@pytest.mark.parametrize("ends_by", ["stop", "report"])
def test_a_clock_that_was_set_back_ends_nothing_before_it_began(rig: StoreRig, ends_by: str) -> None:
    job = rig.create() if ends_by == "stop" else running(rig)
    rig.clock.move(seconds=-600)

    if ends_by == "stop":
        rig.do(lambda tx: stop_job(tx, job.id))
    else:
        rig.end(job)

    ended = rig.job(job)

    assert ended.ended_at is not None
    assert ended.ended_at >= (ended.started_at or ended.created_at)


def test_each_try_of_a_job_costs_what_it_ran(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create(max_attempts=2)
    job = rig.claim(launcher)
    rig.start(job)
    rig.end(job, JobStatus.FAILED, reason="shim_died", run_seconds=3.0)
    rig.clock.move(minutes=10)
    rig.do(lambda tx: tx.jobs.change(job.id, {"not_before": None, "waits_on": None}))
    again = rig.run(launcher)
    rig.clock.move(seconds=60)

    rig.end(again, run_seconds=4.0)

    assert spent(rig, job) == pytest.approx(7.0)


def test_while_nobody_can_say_whether_it_runs_no_time_is_counted(rig: StoreRig) -> None:
    job = running(rig)
    rig.clock.move(seconds=20)
    rig.do(lambda tx: lose(tx, job))
    rig.clock.move(hours=1)

    assert spent(rig, job) == pytest.approx(20.0)
    rig.do(decide_about_lost_jobs)
    assert rig.job(job).status is JobStatus.FAILED
    assert spent(rig, job) == pytest.approx(20.0)


def test_a_budget_that_only_seemed_to_be_used_up_is_open_again_when_the_truth_comes(house: Household) -> None:
    root = house.run("root", limits={"max_run_seconds": 20})
    house.clock.move(seconds=36)
    house.do(look_after_families)
    assert house.job(root.id).stop_reason == "budget_exceeded"

    running = house.job(root.id)
    report = Report(proof(running), JobStatus.COMPLETED, exit_code=0, run_seconds=7.9)
    house.do(lambda tx: finish(tx, report))

    family = house.do(lambda tx: tx.relatives.families.get(running.session_id))
    assert family is not None
    assert family.exceeded is None
    assert house.job(root.id).status is JobStatus.COMPLETED
    assert house.resume("root").status is JobStatus.PENDING


def test_a_budget_that_was_used_up_stays_used_up(house: Household) -> None:
    root = house.run("root", limits={"max_run_seconds": 20})
    house.clock.move(seconds=36)
    house.do(look_after_families)

    running = house.job(root.id)
    report = Report(proof(running), JobStatus.STOPPED, run_seconds=36.5)
    house.do(lambda tx: finish(tx, report))

    with pytest.raises(Conflict, match="max_run_seconds"):
        house.resume("root")
