"""The one place where a job changes its status.

Each move is a row of `domain.job.MOVES`, done by one conditional statement: zero rows changed means that
somebody else was first, and the caller reads again. What a move means for the session, its queue and those
who watch is done here too, in the same transaction, so that no caller can forget it.
"""

from collections.abc import Mapping

from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.job import HELD_BY_LAUNCHER, MOVES, TERMINAL, Job, JobStatus, Move, WaitsOn
from agent_runtime.domain.json import Json
from agent_runtime.domain.session import STATUS_BY_JOB
from agent_runtime.services.ports import Fence, JobChanges, SessionChanges, Transaction

_EVENT_BY_MOVE: Mapping[Move, str] = {
    Move.CLAIM: "job.claimed",
    Move.START: "job.started",
    Move.RELEASE: "job.requeued",
    Move.LOSE: "job.lost",
    Move.RERUN: "job.requeued",
    Move.TRY_AGAIN: "job.requeued",
    Move.RETRY: "job.requeued",
}


def move_job(tx: Transaction, job: Job, move: Move, target: JobStatus, changes: JobChanges) -> Job | None:
    """Move a job along one edge, if it is still exactly where it was read.

    Shape:   the job as it is now; nothing if its status, attempt or token are no longer those of `job`.
    Errors:  AssertionError for a move that the table does not know: that is a mistake of ours.
    Source:  docs/reference/job-states.md
    """
    edge = MOVES[move]
    assert job.status in edge.sources, f"no move '{move}' starts at '{job.status}'"
    assert target in edge.targets, f"no move '{move}' leads to '{target}'"
    fence = Fence(statuses=frozenset({job.status}), attempt=job.attempt, token=job.token)
    moved = tx.jobs.move(job.id, fence, target, _completed(tx, job, target, changes))
    if moved is None:
        return None
    _tell(tx, job, moved, move)
    _follow(tx, job, moved)
    return moved


def announce_ready(tx: Transaction, job: Job) -> None:
    """Wake one parked poll, if the job can be claimed now."""
    if job.status is JobStatus.PENDING and job.waits_on is None:
        tx.wake_lane(job.lane_id)


def take_turn(tx: Transaction, job: Job) -> Job:
    """Let a pending job be the one whose session's turn it is, and so reachable for launchers."""
    waits_on = WaitsOn.TIME if job.not_before is not None and job.not_before > tx.now else None
    changed = tx.jobs.change(job.id, {"waits_on": waits_on, "queued_at": tx.now})
    assert changed is not None, f"job '{job.id}' vanished inside a transaction"
    tx.sessions.change(
        job.session_id,
        {"current_job_id": job.id, "status": STATUS_BY_JOB[changed.status], "updated_at": tx.now},
    )
    announce_ready(tx, changed)
    return changed


def _completed(tx: Transaction, job: Job, target: JobStatus, changes: JobChanges) -> JobChanges:
    """Add what every row in the target state must have; the database would refuse it otherwise."""
    full: JobChanges = {**changes}
    if target in TERMINAL:
        full.setdefault("ended_at", tx.now)
        full["waits_on"] = None
    else:
        full["ended_at"] = None
    full["lost_at"] = tx.now if target is JobStatus.LOST else None
    if target is not JobStatus.CLAIMED:
        full["claim_expires_at"] = None
    if target is JobStatus.PENDING:
        if job.status in HELD_BY_LAUNCHER or job.status in TERMINAL:
            tx.jobs.archive_attempt(job)
        full.update({"token": None, "launcher_id": None, "launcher_epoch": None, "stop_announced_at": None})
        full.update({"claimed_at": None, "started_at": None, "queued_at": tx.now})
    return full


def _tell(tx: Transaction, before: Job, after: Job, move: Move) -> None:
    name = _EVENT_BY_MOVE.get(move, f"job.{after.status}")
    if move is Move.HEAL and after.status is JobStatus.RUNNING:
        name = "job.healed"
    data: dict[str, Json] = {"status": after.status, "from": before.status}
    for key, value in (("launcher_id", after.launcher_id), ("reason", after.reason), ("error", after.error)):
        if value is not None:
            data[key] = value
    if after.exit_code is not None:
        data["exit_code"] = after.exit_code
    tx.emit(
        NewEvent(
            type=name,
            at=tx.now,
            data=data,
            session_id=after.session_id,
            session_name=after.session_name,
            job_id=after.id,
            attempt=before.attempt or after.attempt,
        )
    )


def _follow(tx: Transaction, before: Job, after: Job) -> None:
    """Let the session show its job's state, and hand its turn on when the job is over."""
    session = tx.sessions.get(after.session_id)
    if session is None or session.current_job_id not in (after.id, None):
        return
    changes: SessionChanges = {"updated_at": tx.now}
    if after.status is not JobStatus.CLAIMED and not (
        before.status is JobStatus.CLAIMED and after.status is JobStatus.PENDING
    ):
        changes["status"] = STATUS_BY_JOB[after.status]
    if after.status in TERMINAL:
        changes["current_job_id"] = None
        tx.sessions.change(after.session_id, changes)
        following = tx.jobs.next_of_session(after.session_id)
        if following is not None:
            take_turn(tx, following)
        return
    changes["current_job_id"] = after.id
    tx.sessions.change(after.session_id, changes)
    announce_ready(tx, after)
