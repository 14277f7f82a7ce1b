"""A job that somebody holds: no launcher gets it, everything else about it goes on."""

from datetime import timedelta

import pytest

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.services.jobs.holds import hold_job, lift_hold
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.upkeep.queue import expire_queued, free_due_jobs
from support.desk import Desk, part, read, refused, text
from support.store_rig import BEGINNING, StoreRig


def hold(rig: StoreRig, job: Job) -> Job:
    """Put a hold on a job."""
    return rig.do(lambda tx: hold_job(tx, job.id))


def lift(rig: StoreRig, job: Job) -> Job:
    """Lift it."""
    return rig.do(lambda tx: lift_hold(tx, job.id))


def test_no_launcher_gets_a_job_that_is_held_and_it_says_so(rig: StoreRig) -> None:
    launcher = rig.launcher()
    held, other = rig.create(), rig.create()

    hold(rig, held)
    why = rig.do(lambda tx: explain_waiting(tx, [get_job(tx, held.id)]))[held.id]

    assert rig.run(launcher).id == other.id
    assert not rig.poll(launcher).claims
    assert why.reason == "held"
    assert "lifts the hold" in why.sentence


def test_a_job_whose_hold_is_lifted_wakes_a_launcher_and_has_kept_its_place(rig: StoreRig) -> None:
    launcher = rig.launcher()
    first = rig.create(labels={"group": "one"})
    rig.create(labels={"group": "one"})
    hold(rig, first)
    rig.news.clear()

    lift(rig, first)

    assert any(announcement.ready_lanes for announcement in rig.news)
    assert rig.claim(launcher).id == first.id


def test_hold_and_lift_twice_are_told_once(rig: StoreRig) -> None:
    job = rig.create()

    hold(rig, job)
    hold(rig, job)
    lift(rig, job)
    again = lift(rig, job)

    assert (again.status, again.waits_on) == (JobStatus.PENDING, None)
    assert rig.events(job) == ["job.created", "job.held", "job.hold_lifted"]


def test_a_hold_outlasts_the_time_for_which_the_job_waited(rig: StoreRig) -> None:
    launcher = rig.launcher()
    job = rig.create(not_before=BEGINNING + timedelta(hours=1))
    hold(rig, job)

    rig.clock.move(hours=2)
    rig.do(free_due_jobs)
    still_held = rig.poll(launcher).claims
    lift(rig, job)

    assert not still_held
    assert rig.claim(launcher).id == job.id


def test_a_hold_that_is_lifted_early_leaves_the_job_waiting_for_its_time(rig: StoreRig) -> None:
    job = rig.create(not_before=BEGINNING + timedelta(hours=1))
    hold(rig, job)

    assert lift(rig, job).waits_on == "time"


def test_a_held_job_can_be_stopped_and_the_sessions_next_one_goes_on(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create("talk")
    rig.end(rig.run(launcher))
    held, behind = rig.resume("talk"), rig.resume("talk")
    hold(rig, held)
    nothing_passes = rig.poll(launcher).claims

    stopped = rig.do(lambda tx: stop_job(tx, held.id)).job

    assert not nothing_passes
    assert stopped.status is JobStatus.STOPPED
    assert rig.claim(launcher).id == behind.id


def test_a_held_job_leaves_the_queue_when_it_asked_for_that(rig: StoreRig) -> None:
    job = rig.create(queue_timeout_seconds=60.0)
    hold(rig, job)

    rig.clock.move(seconds=61)

    assert rig.do(expire_queued) == 1
    assert rig.job(job).reason == "queue_expired"


def test_what_a_launcher_has_and_what_waits_behind_others_cannot_be_held(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create("talk")
    claimed = rig.claim(launcher)
    behind = rig.resume("talk")

    with pytest.raises(Conflict, match="must be pending, found 'claimed'") as of_claimed:
        hold(rig, claimed)
    with pytest.raises(Conflict, match="must be the next one of its session") as of_behind:
        hold(rig, behind)
    with pytest.raises(NotFound):
        rig.do(lambda tx: hold_job(tx, JobId("job_" + "0" * 26)))

    assert {of_claimed.value.code, of_behind.value.code} == {"not_holdable"}
    assert lift(rig, claimed).status is JobStatus.CLAIMED


def test_a_hold_is_still_there_after_a_restart(rig: StoreRig) -> None:
    launcher = rig.launcher()
    job = rig.create()
    hold(rig, job)

    rig.reopen()

    assert not rig.poll(launcher).claims
    lift(rig, job)
    assert rig.claim(launcher).id == job.id


def test_a_hold_is_put_on_and_lifted_by_two_calls(desk: Desk) -> None:
    job_id = text(desk.start()["job_id"])

    held = read(desk.post(f"/jobs/{job_id}/hold", {}))
    listed = read(desk.get("/jobs", order="run"))["jobs"]
    lifted = read(desk.http.delete(f"/jobs/{job_id}/hold"))

    assert (held["status"], held["reason"]) == ("pending", "held")
    assert isinstance(listed, list)
    assert {part(job)["job_id"]: part(job)["reason"] for job in listed}[job_id] == "held"
    assert (lifted["status"], lifted["reason"] == "held") == ("pending", False)


def test_to_hold_what_has_ended_is_refused_with_what_to_do(desk: Desk) -> None:
    job = desk.run()

    refused(desk.post(f"/jobs/{job['job_id']}/hold", {}), 409, "not_holdable")
