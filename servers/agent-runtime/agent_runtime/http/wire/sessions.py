"""How sessions look on the wire."""

from typing import cast

from pydantic import BaseModel, JsonValue

from agent_runtime.domain.session import SessionStatus
from agent_runtime.http.wire.fields import UsageWire, WireTime
from agent_runtime.services.sessions.sessions import SessionView

PREVIEW_CHARACTERS = 200
_LAST_CHARACTERS = 4000


class SessionWire(BaseModel):
    """One named conversation with an agent.

    `proof_age_seconds` is how old the newest sign is that it really runs; null if it is not said to run.
    `reason` and `reason_detail` say why it waits, is lost, failed or was stopped: the runtime's words while its job is
    not over (of one that asks: what it asks), else those of the launcher or the agent. They speak of `reason_job_id`
    with `reason_prompt_preview`, which are null once all has ended well. `last_words` is the last line of the last
    result.
    """

    session_id: str
    session_name: str
    agent_name: str
    backend: str | None
    backend_session_id: str | None
    status: SessionStatus
    project_dir: str | None
    hostname: str | None
    launcher_id: str | None
    parent_session_id: str | None
    parent_session_name: str | None
    root_session_id: str
    created_at: WireTime
    updated_at: WireTime
    last_event_at: WireTime | None
    result_preview: str | None
    last_words: str | None
    reason: str | None
    reason_detail: str | None
    reason_job_id: str | None
    reason_prompt_preview: str | None
    metadata: dict[str, JsonValue]
    usage: UsageWire
    cost_usd: float
    current_job_id: str | None
    queued_jobs: int
    proof_age_seconds: float | None

    @classmethod
    def of(cls, view: SessionView) -> "SessionWire":
        """Show a session."""
        session, cause = view.session, view.cause
        return cls(
            session_id=session.id,
            session_name=session.name,
            agent_name=session.agent_name,
            backend=session.backend,
            backend_session_id=session.backend_session_id,
            status=session.status,
            project_dir=session.project_dir,
            hostname=session.hostname,
            launcher_id=session.launcher_id,
            parent_session_id=session.parent_session_id,
            parent_session_name=session.parent_session_name,
            root_session_id=session.root_session_id,
            created_at=session.created_at,
            updated_at=session.updated_at,
            last_event_at=session.last_event_at,
            result_preview=session.result[:PREVIEW_CHARACTERS] if session.result is not None else None,
            last_words=_last_line(session.result) if session.result is not None else None,
            reason=cause.reason if cause is not None else None,
            reason_detail=cause.sentence if cause is not None else None,
            reason_job_id=cause.job.id if cause is not None else None,
            reason_prompt_preview=cause.job.prompt_preview if cause is not None else None,
            metadata=cast("dict[str, JsonValue]", dict(session.metadata)),
            usage=UsageWire.of(session.usage),
            cost_usd=session.usage.cost_usd,
            current_job_id=session.current_job_id,
            queued_jobs=view.queued_jobs,
            proof_age_seconds=view.proof_age_seconds,
        )


def _last_line(text: str) -> str | None:
    end = text.rstrip()[-_LAST_CHARACTERS:]
    # A line of nothing but marks closes a block of code or a table: it says nothing.
    spoken = (line.strip() for line in reversed(end.splitlines()) if any(letter.isalnum() for letter in line))
    line = next(spoken, None)
    return line[:PREVIEW_CHARACTERS] if line is not None else None


class SessionAnswer(BaseModel):
    """One session."""

    session: SessionWire


class SessionList(BaseModel):
    """One page of sessions; `next_cursor` is null on the last one.

    `counts` says how many sessions of the list are in each state, on whatever page; it is told when it is asked for.
    """

    sessions: list[SessionWire]
    next_cursor: str | None = None
    counts: dict[SessionStatus, int] | None = None


class StatusAnswer(BaseModel):
    """A session's status, or `not_existent`."""

    status: str


class ResultAnswer(BaseModel):
    """What the agent said last, and how the session stands now.

    `output` is the JSON in it, checked, if the turn was asked for some by an `output_schema`.
    """

    result: str
    output: JsonValue = None
    status: SessionStatus


class StoppedSession(BaseModel):
    """The jobs of one session that a stop reached."""

    session_name: str
    stopped_jobs: list[str]


class WithdrawnMessage(BaseModel):
    """A message that waited when its session was stopped, and that no agent will get."""

    job_id: str
    session_name: str
    prompt_preview: str


class SessionStopAnswer(BaseModel):
    """What a stop reached, in all sessions; `stop_requested` is true while a launcher has yet to end a process."""

    session_id: str
    session_name: str
    status: SessionStatus
    stopped_jobs: list[str]
    sessions: list[StoppedSession]
    withdrawn: list[WithdrawnMessage]
    stop_requested: bool


class DeletedAnswer(BaseModel):
    """A session that is no more."""

    session_id: str
    session_name: str
    deleted: bool


class ClearedAnswer(BaseModel):
    """The names of the sessions that were deleted, and of those that are at work and stayed."""

    deleted: list[str]
    kept: list[str]
