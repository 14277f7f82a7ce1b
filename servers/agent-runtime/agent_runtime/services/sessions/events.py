"""What an agent's host tells of its session, and what that changes in the session's own row.

Usage and cost of a session are added up from its `result` events alone. A job's report carries the same
figures for the job's own row; adding both would count them twice, and the events are the ones that arrive
exactly once, also from an attempt whose launcher was lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.event import SESSION_EVENT_TYPES, Event, NewEvent
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import AT_A_LAUNCHER, Job, Usage
from agent_runtime.domain.json import Json
from agent_runtime.domain.result import with_result
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.ports.store import SessionChanges, Transaction

_WORD_MAX = 200


@dataclass(frozen=True)
class GivenEvent:
    """One event as a caller gives it; checked, but not yet matched with what exists.

    Units:   `size` is how many bytes it has.
    """

    type: str
    data: Mapping[str, Json]
    at: datetime | None = None
    client_event_id: str | None = None
    job_id: JobId | None = None
    attempt: int | None = None
    size: int = 0


@dataclass(frozen=True)
class Appended:
    """Where an event stands now, and whether it stood there before."""

    event: Event
    duplicate: bool


def append_events(tx: Transaction, session: Session, given: Sequence[GivenEvent]) -> Sequence[Appended]:
    """Write events behind a session's others; those whose client event id is known are found, not written.

    Errors:  Invalid for a type that an agent does not have, or a job of another session.
    """
    appending = _Appending(tx, session)
    appended = [appending.append(one) for one in given]
    appending.finish()
    return appended


def read_events(
    tx: Transaction, session: Session, after: int, limit: int, types: Sequence[str]
) -> tuple[Sequence[Event], int | None]:
    """Read a session's events behind a sequence number, oldest first, and the last one behind it that is gone."""
    gone = tx.events.gone_through(session.id)
    return tx.events.of_session(session.id, after, limit, types), gone if gone > after else None


def read_events_before(
    tx: Transaction, session: Session, before: int, limit: int, types: Sequence[str]
) -> tuple[Sequence[Event], int | None]:
    """Read the last of a session's events ahead of a sequence number, oldest first, and the last one that is gone."""
    return tx.events.of_session_before(session.id, before, limit, types), tx.events.gone_through(session.id) or None


class _Appending:
    """Appends one batch, and gathers what it changes in the session."""

    def __init__(self, tx: Transaction, session: Session) -> None:
        self._tx = tx
        self._session = session
        self._usage = session.usage
        self._changes: SessionChanges = {}
        self._jobs: dict[JobId, Job] = {}

    def append(self, given: GivenEvent) -> Appended:
        if given.type not in SESSION_EVENT_TYPES:
            known = ", ".join(sorted(SESSION_EVENT_TYPES))
            raise Invalid(
                "invalid_parameters", f"invalid type: one of {known} expected, found '{given.type[:_WORD_MAX]}'"
            )
        job = self._job(given.job_id) if given.job_id is not None else None
        event, duplicate = self._tx.events.append(
            NewEvent.of_session(
                self._session,
                given.type,
                given.at or self._tx.now,
                given.data,
                job_id=given.job_id,
                attempt=given.attempt,
                client_event_id=given.client_event_id,
            )
        )
        if not duplicate:
            self._take_over(
                given,
                is_current=job is None or given.attempt in (None, job.attempt),
                is_at_launcher=_is_at_launcher(job),
            )
        return Appended(event, duplicate)

    def finish(self) -> None:
        if not self._changes:
            return
        self._changes["last_event_at"] = self._changes["updated_at"] = self._tx.now
        self._tx.sessions.change(self._session.id, self._changes)
        if "status" in self._changes or "cost_usd" in self._changes:
            self._tx.relatives.stirred.append(self._session.id)

    def _job(self, job_id: JobId) -> Job:
        job = self._jobs.get(job_id) or self._tx.jobs.get(job_id)
        if job is None or job.session_id != self._session.id:
            raise Invalid(
                "invalid_parameters", f"invalid job_id: session '{self._session.name}' has no job '{job_id[:50]}'"
            )
        self._jobs[job_id] = job
        return job

    def _take_over(self, given: GivenEvent, *, is_current: bool, is_at_launcher: bool) -> None:
        self._changes["last_event_at"] = self._tx.now
        if given.type == "result":
            # What was consumed counts whoever consumed it; what was said counts only from the current attempt.
            self._usage = with_result(self._usage, given.data)
            self._changes.update(_usage_columns(self._usage))
        if not is_current:
            return
        if given.type == "result" and isinstance(text := given.data.get("text"), str):
            self._changes["result"] = text.replace("\0", "\ufffd")
            self._changes["output"] = given.data.get("output")
        if given.type == "session_start" and isinstance(backend := given.data.get("backend"), str):
            self._changes["backend"] = backend.replace("\0", "\ufffd")[:_WORD_MAX]
        if is_at_launcher:
            self._note_waiting(given.data.get("waiting_input") is True, given.job_id)

    def _note_waiting(self, waits: bool, job_id: JobId | None) -> None:
        status = self._changes.get("status", self._session.status)
        if waits and status is SessionStatus.RUNNING:
            self._changes["status"] = SessionStatus.WAITING_INPUT
        elif not waits and status is SessionStatus.WAITING_INPUT and not self._has_asked(job_id):
            self._changes["status"] = SessionStatus.RUNNING

    def _has_asked(self, job_id: JobId | None) -> bool:
        """Whether the turn waits for an answer, whatever else of it goes on."""
        return job_id is not None and bool(self._tx.questions.open_of_job(job_id))


def _is_at_launcher(job: Job | None) -> bool:
    return job is not None and job.status in AT_A_LAUNCHER


def _usage_columns(usage: Usage) -> SessionChanges:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_usd": usage.cost_usd,
    }
