"""The story of a job: what its row and its session's events say, as the spans of one trace."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import TERMINAL, Job
from agent_runtime.domain.trace_of_job import span_of, trace_of
from agent_runtime.services.ports.families import Moved
from agent_runtime.services.ports.store import Transaction
from agent_runtime.traces.span import Fact, Span
from agent_runtime.traces.turn import TURN, Turn

TYPES = ("session_start", "message", "pre_tool", "post_tool", "result", "session_stop")
PAGE, EVENTS_MAX = 100, 4000
_NEWEST = 2**62
_JOB, _ORDER, _QUEUE, _ATTEMPT, _CLAIM, _START, _REPORT = "job", "order", "queue", "attempt", "claim", "start", "report"


def traceparent(job: Job, *, is_sampled: bool) -> str:
    """Write what an agent is told, so that what it tells of itself is part of its turn.

    Source:  https://www.w3.org/TR/trace-context/
    """
    return f"00-{trace_of(job.id)}-{span_of(job.id, job.attempt, TURN)}-{'01' if is_sampled else '00'}"


def is_end(moved: Moved) -> bool:
    """Tell whether a move is the end of an attempt, or of a job of which nothing ran."""
    return moved.after.status in TERMINAL or (moved.before.claimed_at is not None and moved.after.claimed_at is None)


def order_span(job: Job, committed: datetime, caller: str | None) -> Span:
    """Tell of the order, which is on disk since `committed`; `caller` is the trace out of which it was made."""
    facts: dict[str, Fact | None] = {"http.request.method": "POST", "http.route": "/jobs", **_facts(job)}
    root = span_of(job.id, _JOB)
    order = span_of(job.id, _ORDER)
    return Span("POST /jobs", trace_of(job.id), order, root, job.created_at, committed, facts, "server", link=caller)


def events_of(tx: Transaction, job: Job) -> Sequence[Event]:
    """Read what the attempt of a job has told, oldest first; of very much the end."""
    found: list[Event] = []
    before = _NEWEST
    while len(found) < EVENTS_MAX:
        page = tx.events.of_session_before(job.session_id, before, PAGE, TYPES)
        ours = [event for event in page if (event.new.job_id, event.new.attempt) == (job.id, job.attempt)]
        found = [*ours, *found]
        if len(page) < PAGE or not ours:
            break
        before = page[0].seq
    return found


def story(moved: Moved, events: Sequence[Event], committed: datetime) -> Iterator[Span]:
    """Tell of the attempt that has ended, and of the whole job if it is over; the end is on disk since `committed`."""
    job = moved.before if moved.after.claimed_at is None else moved.after
    trace, root = trace_of(job.id), span_of(job.id, _JOB)
    ended = moved.after.ended_at or committed
    claimed = job.claimed_at

    def of(name: str, parent: str | None, began: datetime, end: datetime, error: str | None = None) -> Span:
        own = root if name == _JOB else span_of(job.id, job.attempt, name)
        shown = f"job {job.agent_name}" if name == _JOB else name
        return Span(shown, trace, own, parent, began, end, _facts(job), error=error)

    yield of(_QUEUE, root, job.queued_at, claimed or ended)
    if claimed is not None:
        attempt = span_of(job.id, job.attempt, _ATTEMPT)
        turn = Turn(job, attempt)
        yield of(_CLAIM, attempt, claimed, job.started_at or ended)
        yield from turn.read(events)
        if job.started_at is not None:
            yield of(_START, attempt, job.started_at, turn.began or ended)
            yield of(_REPORT, attempt, ended, committed)
        yield of(_ATTEMPT, root, claimed, committed, _error(moved.after))
    if moved.after.status in TERMINAL:
        yield of(_JOB, None, job.created_at, committed, _error(moved.after))


def _error(job: Job) -> str | None:
    return job.reason or job.status.value if job.status.value == "failed" else None


def _facts(job: Job) -> dict[str, Fact | None]:
    return {
        "agent_runtime.job.id": job.id,
        "agent_runtime.job.attempt": job.attempt,
        "agent_runtime.job.status": job.status.value,
        "agent_runtime.job.reason": job.reason,
        "agent_runtime.session.name": job.session_name,
        "agent_runtime.launcher.id": job.launcher_id,
        "gen_ai.conversation.id": job.session_id,
        "gen_ai.agent.name": job.agent_name,
    }
