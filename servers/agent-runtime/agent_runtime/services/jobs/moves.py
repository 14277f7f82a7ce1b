"""The one place where a job changes its status.

Each move is a row of `domain.job.MOVES`, done by one conditional statement: zero rows changed means that
somebody else was first, and the caller reads again. What a move means for the session, its queue and those
who watch is done here too, in the same transaction, so that no caller can forget it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.job import MOVES, TERMINAL, Job, JobStatus, JobType, Move, WaitsOn
from agent_runtime.domain.json import Json
from agent_runtime.domain.session import STATUS_BY_JOB, Session, SessionStatus
from agent_runtime.services.jobs.open_questions import follow_turn
from agent_runtime.services.ports.families import Moved
from agent_runtime.services.ports.store import Fence, JobChanges, SessionChanges, Transaction

_EVENT_BY_MOVE: Mapping[Move, str] = {
    Move.CLAIM: "job.claimed",
    Move.START: "job.started",
    Move.RELEASE: "job.requeued",
    Move.LOSE: "job.lost",
    Move.RERUN: "job.requeued",
    Move.TRY_AGAIN: "job.requeued",
    Move.RETRY: "job.requeued",
}
_TAKES_A_PLACE = frozenset({JobStatus.CLAIMED, JobStatus.RUNNING})
_QUIET = frozenset({Move.CLAIM, Move.RELEASE})
"""Moves that a session does not show: nothing of the agent has run, or begins to."""
_MAY_ASK = frozenset({SessionStatus.WAITING_INPUT, SessionStatus.LOST})
"""Sessions of which a question may be open; one that runs again may have one of an attempt before."""


def move_job(
    tx: Transaction,
    job: Job,
    move: Move,
    target: JobStatus,
    changes: JobChanges,
    *,
    session_changes: SessionChanges | None = None,
    stays_current: bool = False,
) -> Job | None:
    """Move a job along one edge, if it is still exactly where it was read.

    Shape:   the job as it is now; nothing if its status, attempt or token are no longer those of `job`.
             `session_changes` are what the session learns from it. `stays_current` is for a job that ended and
             is put back in the same transaction: its session's next job does not go before it.
    Errors:  AssertionError for a move that the table does not know: that is a mistake of ours.
    Source:  docs/reference/job-states.md
    """
    edge = MOVES[move]
    assert job.status in edge.sources, f"no move '{move}' starts at '{job.status}'"
    assert target in edge.targets, f"no move '{move}' leads to '{target}'"
    # A claim locks its job first: waiting for the session then could be waiting for somebody who waits for the job.
    session = tx.sessions.glance(job.session_id) if move in _QUIET else tx.sessions.get(job.session_id)
    assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
    full = _fill_row(tx, job, session, target, changes)
    fence = Fence(status=job.status, attempt=job.attempt, token=job.token)
    moved = tx.jobs.move(job.id, fence, target, full)
    if moved is None:
        return None
    if target is JobStatus.PENDING:
        tx.jobs.archive_attempt(job, job.ended_at or job.lost_at or tx.now)
    emit_job_event(tx, session, moved, _event_name(move, moved), _facts(job, moved), attempt=moved.attempt)
    if session.current_job_id in (job.id, None) and not stays_current:
        _follow(tx, moved, move, session_changes or {})
    elif session_changes:
        tx.sessions.change(session.id, session_changes)
    if not stays_current and (session.status in _MAY_ASK or _runs_anew(move, moved) or _ends_waiting(job, target)):
        follow_turn(tx, moved)
    tx.relatives.moved.append(Moved(job, moved))
    if job.status in _TAKES_A_PLACE and moved.status not in _TAKES_A_PLACE:
        _let_another_of_agent_go(tx, job.agent_name)
    return moved


def _runs_anew(move: Move, moved: Job) -> bool:
    return move is Move.START and moved.attempt > 1


def _ends_waiting(job: Job, target: JobStatus) -> bool:
    """Tell whether a job ends between two attempts, of which the one before may have asked something."""
    return target in TERMINAL and job.status in (JobStatus.PENDING, JobStatus.CLAIMED) and job.attempt > 0


def _let_another_of_agent_go(tx: Transaction, agent_name: str) -> None:
    """Wake a poll for a job that waited because too many of its agent ran."""
    lanes = tx.queue.limited_lanes(agent_name)
    if lanes:
        for lane_id in tx.queue.heads([lane.id for lane in lanes]):
            tx.wake_lane(lane_id)


def emit_job_event(
    tx: Transaction,
    session: Session,
    job: Job,
    name: str,
    facts: Mapping[str, Json],
    *,
    attempt: int | None = None,
) -> None:
    """Write what happened to a job into the events of its session."""
    shown = job.attempt if attempt is None else attempt
    tx.emit(NewEvent.of_session(session, name, tx.now, facts, job_id=job.id, attempt=shown))


def announce_ready(tx: Transaction, job: Job) -> Job:
    """Line a job up and wake one parked poll if it can be claimed now, or upkeep when its time will come."""
    if job.status is not JobStatus.PENDING:
        return job
    if job.waits_on is WaitsOn.TIME and job.not_before is not None:
        tx.due_at(job.not_before)
    if job.waits_on is not None:
        return job
    tx.wake_lane(job.lane_id)
    return job if job.place is not None else replace(job, place=tx.queue.line_up(job))


def make_current(tx: Transaction, job: Job) -> Job:
    """Let a pending job be its session's current one, and so reachable for launchers."""
    changes: JobChanges = {"waits_on": time_to_wait(tx, job), "queued_at": tx.now}
    changed = tx.jobs.change(job.id, changes | way_home(tx, job))
    assert changed is not None, f"job '{job.id}' vanished inside a transaction"
    tx.sessions.change(
        job.session_id,
        {"current_job_id": job.id, "status": STATUS_BY_JOB[changed.status], "updated_at": tx.now},
    )
    return announce_ready(tx, changed)


def time_to_wait(tx: Transaction, job: Job) -> WaitsOn | None:
    """Tell whether the current job of a session must still wait for its time."""
    return WaitsOn.TIME if job.not_before is not None and job.not_before > tx.now else None


def way_home(tx: Transaction, job: Job) -> JobChanges:
    """Send what goes on with a conversation to the host where that is, which is known only once it has begun."""
    session = tx.sessions.get(job.session_id)
    if session is None or session.hostname in (None, job.required_host):
        return {}
    if job.type is JobType.START_SESSION and session.backend_session_id is None:
        return {}
    lane = replace(tx.queue.lane_by_id(job.lane_id), required_host=session.hostname)
    return {"required_host": session.hostname, "lane_id": tx.queue.lane(lane)}


def _fill_row(tx: Transaction, job: Job, session: Session, target: JobStatus, changes: JobChanges) -> JobChanges:
    """Add what every row in the target state must have; the database would refuse it otherwise."""
    full: JobChanges = {"waits_on": None, "claim_expires_at": None, "lost_at": None, "ended_at": None, **changes}
    if target in TERMINAL:
        # A clock that was set back meanwhile ends nothing before it began.
        full["ended_at"] = ended_at = max(full["ended_at"] or tx.now, job.started_at or job.created_at)
        if job.started_at is not None and full.get("run_seconds") is None:
            full["run_seconds"] = max(0.0, ((job.lost_at or ended_at) - job.started_at).total_seconds())
    elif target is JobStatus.LOST:
        full["lost_at"] = tx.now
    elif target is JobStatus.PENDING:
        full |= _NOBODY_HAS_IT
        full["queued_at"] = tx.now
        if job.status is not JobStatus.CLAIMED and "place" not in changes:
            full["place"] = None  # It comes anew; one that was only claimed keeps its place at the front.
        others = _wait_of(tx, job, session, changes.get("not_before", job.not_before))
        full["waits_on"] = others or changes.get("waits_on")
    return full


_NOBODY_HAS_IT: JobChanges = {
    "token": None,
    "launcher_id": None,
    "launcher_epoch": None,
    "stop_announced_at": None,
    "stop_requested_at": None,
    "stop_reason": None,
    "claimed_at": None,
    "started_at": None,
    "run_seconds": None,
    "exit_code": None,
    "signal": None,
}


def _wait_of(tx: Transaction, job: Job, session: Session, not_before: datetime | None) -> WaitsOn | None:
    if session.current_job_id not in (job.id, None):
        return WaitsOn.SESSION  # Another job of the session has become the current one.
    return WaitsOn.TIME if not_before is not None and not_before > tx.now else None


def _event_name(move: Move, after: Job) -> str:
    if move is Move.HEAL and after.status is JobStatus.RUNNING:
        return "job.healed"
    return _EVENT_BY_MOVE.get(move, f"job.{after.status}")


def _facts(before: Job, after: Job) -> Mapping[str, Json]:
    facts: dict[str, Json] = {
        "launcher_id": after.launcher_id,
        "reason": after.reason,
        "error": after.error,
        "exit_code": after.exit_code,
    }
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return {"status": after.status, "from": before.status, **known}


def _follow(tx: Transaction, after: Job, move: Move, learned: SessionChanges) -> None:
    """Let the session show its job's state, and let its next job become current when this one is over."""
    if move in _QUIET:
        announce_ready(tx, after)
        return
    is_over = after.status in TERMINAL
    shown: SessionChanges = {
        **learned,
        "current_job_id": None if is_over else after.id,
        "status": STATUS_BY_JOB[after.status],
        "updated_at": tx.now,
    }
    tx.sessions.change(after.session_id, shown)
    following = tx.jobs.next_of_session(after.session_id) if is_over else None
    if following is not None:
        make_current(tx, following)
    announce_ready(tx, after)
