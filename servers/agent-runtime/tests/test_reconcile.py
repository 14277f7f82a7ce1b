"""Rows that nothing would move are named, and do not keep the upkeep busy."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.transaction import StoreTransaction
from agent_runtime.upkeep import scheduler
from agent_runtime.upkeep.reconcile import Reconcile
from agent_runtime.upkeep.scheduler import NOTHING_MOVES_PAUSE, Upkeep
from support.store_rig import StoreRig


def plant(rig: StoreRig, statement: str, **values: object) -> None:
    """Write what no verb of ours writes."""

    def write(tx: Transaction) -> None:
        assert isinstance(tx, StoreTransaction)
        tx._tables.channel.connection.execute(text(statement), values)

    rig.do(write)


def waits_for_nobody(rig: StoreRig, job: Job) -> None:
    plant(rig, "UPDATE jobs SET waits_on = 'session' WHERE id = :id", id=job.id)


def waits_for_no_time(rig: StoreRig, job: Job) -> None:
    plant(rig, "UPDATE jobs SET waits_on = 'time', not_before = NULL WHERE id = :id", id=job.id)


def has_a_claim_and_is_over(rig: StoreRig, job: Job) -> None:
    plant(rig, "UPDATE jobs SET claim_expires_at = 0, waits_on = 'held' WHERE id = :id", id=job.id)


def session_forgot_it(rig: StoreRig, job: Job) -> None:
    plant(rig, "UPDATE sessions SET current_job_id = NULL WHERE id = :id", id=job.session_id)


def launcher_is_gone(rig: StoreRig, job: Job) -> None:
    launcher = rig.launcher()
    running = rig.run(launcher)
    assert running.id == job.id
    plant(rig, "UPDATE launchers SET status = 'gone' WHERE id = :id", id=launcher.id)


PLANTS = [waits_for_nobody, waits_for_no_time, has_a_claim_and_is_over, session_forgot_it, launcher_is_gone]


def look(rig: StoreRig, reconcile: Reconcile) -> list[str]:
    """Let upkeep and the look take their turns a minute later."""
    rig.clock.move(minutes=1)
    rig.runner.run(Upkeep(rig.store, timedelta(hours=1)).pass_once(renews=False))
    return [stuck.session_id for stuck in rig.runner.run(reconcile.look())]


@pytest.mark.parametrize("contradict", PLANTS, ids=lambda plant: plant.__name__)
def test_a_row_that_nothing_would_move_is_named_once(
    rig: StoreRig, contradict: object, caplog: pytest.LogCaptureFixture
) -> None:
    job, reconcile = rig.create(), Reconcile(rig.store)
    contradict(rig, job)  # type: ignore[operator]  # one of the functions above

    with caplog.at_level(logging.ERROR, "agent_runtime.upkeep.reconcile"):
        named = [look(rig, reconcile) for _ in range(3)]

    assert named == [[], [job.session_id], []]
    assert [record.__dict__["session_id"] for record in caplog.records] == [job.session_id]


def test_work_that_goes_its_way_is_not_named(rig: StoreRig) -> None:
    rig.create("busy")
    rig.resume("busy")
    rig.run(rig.launcher())
    rig.create("later", not_before=rig.clock.now() + timedelta(hours=1))
    rig.create("impatient", queue_timeout_seconds=30.0)
    rig.create("waits", labels={"gpu": "yes"})
    reconcile = Reconcile(rig.store)

    assert [look(rig, reconcile) for _ in range(3)] == [[], [], []]


def test_a_due_row_that_cannot_be_moved_does_not_keep_upkeep_busy(
    rig: StoreRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "expire_claims", lambda _: 0)
    rig.create()
    job = rig.claim(rig.launcher())
    rig.clock.move(seconds=31)

    done = rig.runner.run(Upkeep(rig.store, timedelta(hours=1)).pass_once(renews=False))

    assert rig.job(job).status is JobStatus.CLAIMED
    assert done.next_at == rig.clock.now() + NOTHING_MOVES_PAUSE


def test_a_contradiction_does_not_keep_upkeep_from_its_other_work(rig: StoreRig) -> None:
    has_a_claim_and_is_over(rig, rig.create())
    late = rig.create(queue_timeout_seconds=5.0)
    rig.clock.move(seconds=6)

    rig.runner.run(Upkeep(rig.store, timedelta(hours=1)).pass_once(renews=False))

    assert rig.job(late).status is JobStatus.STOPPED
