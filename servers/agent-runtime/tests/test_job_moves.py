"""The state table, walked edge by edge: what it allows happens, and nothing else can."""

from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from agent_runtime.domain.job import AT_A_LAUNCHER, MOVES, TERMINAL, Job, JobStatus, Move
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.ports.store import Fence, JobChanges
from support.store_rig import StoreRig

LEGAL = [
    (edge.move, source, target)
    for edge in MOVES.values()
    for source, target in product(sorted(edge.sources), sorted(edge.targets))
]
ILLEGAL = [
    (move, source, target)
    for move, source, target in product(Move, JobStatus, JobStatus)
    if move is not Move.CREATE and (move, source, target) not in LEGAL
]


def _write_past_the_store(rig: StoreRig, job: Job, changes: str) -> None:
    """Change a row over a connection of our own, where only the database itself stands in the way."""
    url = make_url(rig.url).set(drivername="postgresql+psycopg") if rig.url else make_url(f"sqlite:///{rig.path}")
    engine = create_engine(url)
    try:
        with engine.begin() as database:
            database.execute(text(f"UPDATE jobs SET {changes} WHERE id = :id"), {"id": job.id})  # noqa: S608
    finally:
        engine.dispose()


def _job_in(rig: StoreRig, status: JobStatus) -> Job:
    """Bring a job into a state by the ways that lead there."""
    launcher = rig.launcher()
    job = rig.create()
    if status is JobStatus.PENDING:
        return job
    job = rig.claim(launcher)
    if status is JobStatus.CLAIMED:
        return job
    job = rig.start(job)
    if status is JobStatus.RUNNING:
        return job
    return _moved(rig, job, Move.LOSE if status is JobStatus.LOST else Move.FINISH, status)


def _moved(rig: StoreRig, job: Job, move: Move, target: JobStatus) -> Job:
    moved = rig.do(lambda tx: move_job(tx, job, move, target, _what_it_takes(rig, job, target)))
    assert moved is not None
    return moved


def _what_it_takes(rig: StoreRig, job: Job, target: JobStatus) -> JobChanges:
    if target is not JobStatus.CLAIMED:
        return {}
    launcher = rig.launcher()
    return {"attempt": job.attempt + 1, "token": "t", "launcher_id": launcher.id, "claim_expires_at": rig.clock.now()}


@pytest.mark.parametrize(("move", "source", "target"), LEGAL)
def test_every_edge_of_the_table_can_be_walked(rig: StoreRig, move: Move, source: JobStatus, target: JobStatus) -> None:
    before = _job_in(rig, source)
    told = len(rig.events(before))
    changes = _what_it_takes(rig, before, target)
    if move is Move.START:
        changes = {"started_at": rig.clock.now()}

    after = rig.do(lambda tx: move_job(tx, before, move, target, changes))

    assert after is not None
    assert after.status is target
    assert (after.ended_at is not None) == (target in TERMINAL)
    assert (after.token is not None) == (target in AT_A_LAUNCHER | TERMINAL and before.token is not None) or (
        move is Move.CLAIM
    )
    assert len(rig.events(before)) == told + 1


def test_no_other_edge_can_be_walked(rig: StoreRig) -> None:
    job = rig.create()

    for move, source, target in ILLEGAL:
        elsewhere = replace(job, status=source)
        with pytest.raises(AssertionError, match=f"no move '{move}'"):
            rig.do(lambda tx, at=elsewhere, to=target, by=move: move_job(tx, at, by, to, {}))  # type: ignore[misc]

    assert rig.job(job) == job


def test_a_move_that_the_table_does_not_know_is_a_mistake_of_ours(rig: StoreRig) -> None:
    job = rig.create()

    with pytest.raises(AssertionError, match="no move 'finish' starts at 'pending'"):
        rig.do(lambda tx: move_job(tx, job, Move.FINISH, JobStatus.COMPLETED, {}))
    with pytest.raises(AssertionError, match="no move 'claim' leads to 'running'"):
        rig.do(lambda tx: move_job(tx, job, Move.CLAIM, JobStatus.RUNNING, {}))


@pytest.mark.parametrize(
    "fence",
    [
        Fence(JobStatus.CLAIMED, 1, "right"),
        Fence(JobStatus.RUNNING, 2, "right"),
        Fence(JobStatus.RUNNING, 1, "wrong"),
        Fence(JobStatus.RUNNING, 1, None),
    ],
)
def test_a_write_with_a_stale_status_attempt_or_token_changes_nothing(rig: StoreRig, fence: Fence) -> None:
    job = _job_in(rig, JobStatus.RUNNING)
    token = job.token if fence.token == "right" else fence.token
    stale = Fence(fence.status, fence.attempt, token)

    changed = rig.do(lambda tx: tx.jobs.move(job.id, stale, JobStatus.COMPLETED, {"ended_at": tx.now}))

    assert changed is None
    assert rig.job(job) == job


@pytest.mark.parametrize(
    ("source", "nonsense"),
    [
        (JobStatus.RUNNING, "status = 'completed'"),
        (JobStatus.COMPLETED, "ended_at = NULL"),
        (JobStatus.PENDING, "ended_at = 1"),
        (JobStatus.PENDING, "status = 'running', started_at = 1"),
        (JobStatus.RUNNING, "launcher_id = NULL"),
        (JobStatus.RUNNING, "token = NULL"),
        (JobStatus.RUNNING, "started_at = NULL"),
        (JobStatus.CLAIMED, "claim_expires_at = NULL"),
        (JobStatus.RUNNING, "status = 'lost'"),
        (JobStatus.RUNNING, "lost_at = 1"),
        (JobStatus.RUNNING, "waits_on = 'session'"),
        (JobStatus.RUNNING, "attempt = -1"),
        (JobStatus.RUNNING, "status = 'asleep'"),
    ],
)
def test_the_database_itself_refuses_rows_that_make_no_sense(rig: StoreRig, source: JobStatus, nonsense: str) -> None:
    job = _job_in(rig, source)

    with pytest.raises(IntegrityError):
        _write_past_the_store(rig, job, nonsense)


def test_the_database_itself_refuses_two_running_jobs_of_one_session(rig: StoreRig) -> None:
    job = _job_in(rig, JobStatus.RUNNING)
    queued = rig.resume(job.session_name)

    claimed = "status = 'claimed', waits_on = NULL, launcher_id = 'l', token = 't', claim_expires_at = 1"
    with pytest.raises(IntegrityError):
        _write_past_the_store(rig, queued, claimed)


def test_the_event_of_a_claim_names_the_attempt_that_it_begins(rig: StoreRig) -> None:
    first = _job_in(rig, JobStatus.CLAIMED)
    _moved(rig, first, Move.RELEASE, JobStatus.PENDING)
    second = rig.claim(rig.launcher())

    found = rig.do(lambda tx: tx.events.of_session(first.session_id, 0, 100, ("job.claimed",)))
    assert [event.new.attempt for event in found] == [first.attempt, second.attempt] == [1, 2]
