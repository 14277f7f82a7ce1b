"""Tries limits that should be over: one job at a time goes through; the first that is answered frees the others."""

from datetime import datetime, timedelta

from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.quota_hold import HoldState, QuotaHold
from agent_runtime.services.jobs.quota_holds import LIFTED_AT_REST, LIFTED_BY_ANSWER, is_awaited, let_try, lift_hold
from agent_runtime.services.ports.store import Transaction

LOOK_AGAIN_AFTER = timedelta(seconds=2)
PATIENCE = timedelta(minutes=10)
"""A job that tries and is neither answered nor refused for so long lets another one try."""
SETTLED_AFTER = timedelta(seconds=5)
"""Some clients say a refusal in the words of their agent, a moment before they fail of it."""
KEPT_FOR = timedelta(days=8)
_LAST = 2**53
_SPEAKS = ("message", "pre_tool", "post_tool", "result")
_EVENTS_LOOKED_AT = 20
# Nobody knows that one who is lost tries no more: it may be back in a moment, and two would try at once.
_TRIES = frozenset({JobStatus.CLAIMED, JobStatus.RUNNING, JobStatus.LOST})


def tend_holds(tx: Transaction) -> int:
    """Look after the holds whose time has come, and tell how many changed."""
    if not tx.quota.open():
        return 0
    tx.quota.lock()
    # Read anew: whoever had the lock before may have changed them.
    return sum(_tend(tx, hold) for hold in tx.quota.open())


def next_look(tx: Transaction) -> datetime | None:
    """Tell when time alone will change a hold, or somebody should look whether it does."""
    times = [
        hold.until if hold.state is HoldState.CLOSED else tx.now + LOOK_AGAIN_AFTER
        for hold in tx.quota.open()
        if hold.state is HoldState.CLOSED or hold.probe_job_id is not None
    ]
    return min(times, default=None)


def _tend(tx: Transaction, hold: QuotaHold) -> bool:
    if hold.state is HoldState.CLOSED:
        return _end_if_due(tx, hold)
    if hold.probe_job_id is None:
        return _end_if_unwanted(tx, hold)
    job = tx.jobs.get(hold.probe_job_id)
    is_mine = job is not None and job.attempt == hold.probe_attempt
    if job is not None and (_is_answered(tx, hold, job) or (is_mine and job.status is JobStatus.COMPLETED)):
        lift_hold(tx, hold, LIFTED_BY_ANSWER)
        return True
    is_silent = hold.probe_began_at is not None and tx.now - hold.probe_began_at > PATIENCE
    if job is not None and is_mine and job.status in _TRIES and not is_silent:
        return False
    let_try(tx, hold)
    return True


def _end_if_due(tx: Transaction, hold: QuotaHold) -> bool:
    if hold.until > tx.now:
        return False
    if not _end_if_unwanted(tx, hold):
        let_try(tx, hold)
    return True


def _end_if_unwanted(tx: Transaction, hold: QuotaHold) -> bool:
    is_unwanted = not is_awaited(tx, hold)
    if is_unwanted:
        lift_hold(tx, hold, LIFTED_AT_REST)
    return is_unwanted


def _is_answered(tx: Transaction, hold: QuotaHold, job: Job) -> bool:
    """Tell whether the model said anything to the attempt that tries: then the limit is over."""
    events = tx.events.of_session_before(job.session_id, _LAST, _EVENTS_LOOKED_AT, _SPEAKS)
    mine = [one.new for one in events if one.new.job_id == job.id and one.new.attempt == hold.probe_attempt]
    said = [one for one in mine if _is_of_model(one)]
    return any(one.type != "message" for one in said) or (bool(said) and _is_settled(tx, job))


def _is_of_model(event: NewEvent) -> bool:
    return event.data.get("role") != "user" and event.data.get("is_error") is not True


def _is_settled(tx: Transaction, job: Job) -> bool:
    """Tell whether all that a session has told was here a while ago.

    By the runtime's clock: an event's own time is by the clock of the machine on which it happened.
    """
    session = tx.sessions.get(job.session_id)
    heard_at = session.last_event_at if session is not None else None
    return heard_at is not None and tx.now - heard_at >= SETTLED_AFTER
