"""What the events of a session say of an attempt whose launcher had no room for the command's own words."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Job, Usage
from agent_runtime.domain.json import Json
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.result import with_result
from agent_runtime.services.ports.store import Transaction

_LAST = 2**53
_STATUS_MAX = 2**31
_KNOWN_REASONS = frozenset(reason.value for reason in Reason)


@dataclass(frozen=True)
class Told:
    """Why and how an attempt failed, and what it used; None for what the events do not say."""

    reason: Reason | None = None
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage | None = None


def told_by_events(tx: Transaction, job: Job) -> Told:
    """Read what the current attempt of a job said about its end."""
    stop, result = (_last(tx, job, kind) for kind in ("session_stop", "result"))
    reason, error = stop.get("reason"), stop.get("error")
    return Told(
        reason=Reason(reason) if isinstance(reason, str) and reason in _KNOWN_REASONS else None,
        error=error.replace("\0", "\ufffd") if isinstance(error, str) else None,
        exit_code=_number(stop.get("exit_code")),
        signal=_number(stop.get("signal")),
        usage=with_result(Usage(), result) if result else None,
    )


def _number(value: Json) -> int | None:
    # Whoever has the session's token writes events, and the table takes so much.
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _STATUS_MAX else None


def _last(tx: Transaction, job: Job, kind: str) -> Mapping[str, Json]:
    found = tx.events.of_session_before(job.session_id, _LAST, 1, [kind])
    return found[0].new.data if found and _is_of(found[0], job) else {}


def _is_of(event: Event, job: Job) -> bool:
    return event.new.job_id == job.id and event.new.attempt in (None, job.attempt)
