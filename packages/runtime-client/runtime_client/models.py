"""What the runtime answers with, as values: strict where a client decides by it, the whole answer kept in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from runtime_client.exit_codes import ExitCode
from runtime_client.wire import (
    Json,
    JsonObject,
    flag,
    integer,
    nested,
    optional_integer,
    optional_text,
    text,
    text_map,
    texts,
)

Item = TypeVar("Item")


class JobType(StrEnum):
    """Whether a job begins a session or goes on with one."""

    START_SESSION = "start_session"
    RESUME_SESSION = "resume_session"


class SessionStatus(StrEnum):
    """How a session is; `NOT_EXISTENT` is the answer for a name that no session has."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING_INPUT = "waiting_input"
    WAITING = "waiting"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    NOT_EXISTENT = "not_existent"

    @property
    def exit_code(self) -> ExitCode:
        """The exit status of a command for this status."""
        return _EXIT_CODES[self]


_EXIT_CODES: Mapping[SessionStatus, ExitCode] = {
    SessionStatus.PENDING: ExitCode.STILL_RUNNING,
    SessionStatus.RUNNING: ExitCode.STILL_RUNNING,
    SessionStatus.WAITING_INPUT: ExitCode.NEEDS_INPUT,
    SessionStatus.WAITING: ExitCode.STILL_RUNNING,
    SessionStatus.FINISHED: ExitCode.SUCCESS,
    SessionStatus.FAILED: ExitCode.JOB_FAILED,
    SessionStatus.STOPPED: ExitCode.STOPPED,
    SessionStatus.LOST: ExitCode.LOST,
    SessionStatus.NOT_EXISTENT: ExitCode.NOT_FOUND,
}


@dataclass(frozen=True)
class Session:
    """One named conversation with an agent.

    Shape:   `checks` are what its current job asks of its end, as the runtime says it; they are known where it was read
             with its agent.
    """

    session_id: str
    session_name: str
    status: SessionStatus
    agent_name: str | None
    backend_session_id: str | None
    project_dir: str | None
    hostname: str | None
    parent_session_name: str | None
    current_job_id: str | None
    queued_jobs: int
    raw: JsonObject = field(repr=False)
    checks: JsonObject | None = None

    @classmethod
    def read(cls, source: JsonObject) -> "Session":
        """Read a session as the runtime writes it.

        Errors:  UnexpectedAnswerError.
        """
        return cls(
            session_id=text(source, "session_id"),
            session_name=text(source, "session_name"),
            status=SessionStatus(text(source, "status")),
            agent_name=optional_text(source, "agent_name"),
            backend_session_id=optional_text(source, "backend_session_id"),
            project_dir=optional_text(source, "project_dir"),
            hostname=optional_text(source, "hostname"),
            parent_session_name=optional_text(source, "parent_session_name"),
            current_job_id=optional_text(source, "current_job_id"),
            queued_jobs=optional_integer(source, "queued_jobs") or 0,
            raw=source,
        )

    @property
    def is_at_rest(self) -> bool:
        """True if nothing runs or waits in this session; a lost one may heal, a waiting one awaits its children."""
        active = {SessionStatus.PENDING, SessionStatus.RUNNING, SessionStatus.LOST, SessionStatus.WAITING}
        return self.status not in active and self.queued_jobs == 0


@dataclass(frozen=True)
class Result:
    """What a session answered last.

    Shape:   `output` is the JSON in it if its turn was asked for some by a schema, None otherwise.
    """

    text: str
    status: SessionStatus
    output: Json = None

    @classmethod
    def read(cls, source: JsonObject) -> "Result":
        """Read the answer to `GET /sessions/{session}/result`.

        Errors:  UnexpectedAnswerError.
        """
        status = SessionStatus(optional_text(source, "status") or "finished")
        return cls(text(source, "result"), status, source.get("output"))


@dataclass(frozen=True)
class Job:
    """One order to start or resume a session."""

    job_id: str
    status: str
    session_name: str
    session_id: str | None
    reason: str | None
    reason_detail: str | None
    error: str | None
    agent_name: str | None
    raw: JsonObject = field(repr=False)

    @classmethod
    def read(cls, source: JsonObject) -> "Job":
        """Read a job, or the short answer to its creation.

        Errors:  UnexpectedAnswerError.
        """
        return cls(
            job_id=text(source, "job_id"),
            status=text(source, "status"),
            session_name=text(source, "session_name"),
            session_id=optional_text(source, "session_id"),
            reason=optional_text(source, "reason"),
            reason_detail=optional_text(source, "reason_detail"),
            error=optional_text(source, "error"),
            agent_name=optional_text(source, "agent_name"),
            raw=source,
        )


@dataclass(frozen=True)
class ClaimedJob:
    """A job as a launcher gets it: with the right to one attempt."""

    job_id: str
    type: JobType
    session_name: str
    session_id: str | None
    agent_name: str | None
    attempt: int | None
    token: str | None = field(repr=False)
    session_token: str | None = field(repr=False)

    @classmethod
    def read(cls, source: JsonObject) -> "ClaimedJob":
        """Read the job of a poll's answer.

        Errors:  UnexpectedAnswerError.
        """
        return cls(
            job_id=text(source, "job_id"),
            type=JobType(text(source, "type")),
            session_name=text(source, "session_name"),
            session_id=optional_text(source, "session_id"),
            agent_name=optional_text(source, "agent_name"),
            attempt=optional_integer(source, "attempt"),
            token=optional_text(source, "token"),
            session_token=optional_text(source, "session_token"),
        )


@dataclass(frozen=True)
class Agent:
    """A blueprint as the runtime sends it.

    Shape:   one that cannot be used has an `error`, a sentence, and an empty `backend`. `held_to` is `allow`, `ask` or
             `deny` where it was read beside a session of which something is said of permissions.
    """

    name: str
    description: str
    backend: str
    command: tuple[str, ...]
    model: str | None
    system_prompt: str
    mcp_servers: JsonObject
    limits: JsonObject
    options: JsonObject
    labels: dict[str, str]
    folder: str | None
    is_active: bool
    raw: JsonObject = field(repr=False)
    sandbox: Json = None
    error: str | None = None
    held_to: str | None = None
    has_permission_rules: bool = False
    is_held_from_above: bool = False
    stalls: JsonObject = field(default_factory=dict)

    @classmethod
    def read(cls, source: JsonObject) -> "Agent":
        """Read a blueprint.

        Errors:  UnexpectedAnswerError.
        """
        error = optional_text(source, "error")
        return cls(
            name=text(source, "name"),
            description=optional_text(source, "description") or "",
            backend=text(source, "backend") if error is None else "",
            command=texts(source, "command"),
            model=optional_text(source, "model"),
            system_prompt=optional_text(source, "system_prompt") or "",
            mcp_servers=nested(source, "mcp_servers"),
            limits=nested(source, "limits"),
            options=nested(source, "options"),
            labels=text_map(source, "labels"),
            folder=optional_text(source, "folder"),
            is_active=flag(source, "active", default=True),
            raw=source,
            sandbox=source.get("sandbox"),
            error=error,
            stalls=nested(source, "stalls"),
        )


@dataclass(frozen=True)
class Event:
    """Something that happened, with its place in the one order of everything that happened."""

    seq: int
    type: str
    at: str
    session_name: str | None
    job_id: str | None
    data: JsonObject
    raw: JsonObject = field(repr=False)

    @classmethod
    def read(cls, source: JsonObject) -> "Event":
        """Read an event of a list or of the stream.

        Errors:  UnexpectedAnswerError.
        """
        return cls(
            seq=integer(source, "seq"),
            type=text(source, "type"),
            at=text(source, "at"),
            session_name=optional_text(source, "session_name"),
            job_id=optional_text(source, "job_id"),
            data=nested(source, "data"),
            raw=source,
        )


@dataclass(frozen=True)
class JobOrder:
    """What a client asks for when it creates a job; what is None or empty is left out and the runtime decides.

    Shape:   `checks` are `verify`, `verify_attempts` and `output_schema` as `POST /jobs` has them, and `questions` are
             the terms of what it asks.
    """

    type: JobType
    session_name: str
    prompt: str = field(repr=False)
    agent_name: str | None = None
    project_dir: str | None = None
    parent_session_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    priority: int | None = None
    timeout_seconds: float | None = None
    if_busy: str | None = None
    callback: bool = False
    launcher_id: str | None = None
    callback_policy: str | None = None
    callback_group: str | None = None
    wait_for: str | None = None
    limits: JsonObject = field(default_factory=dict)
    not_before: str | None = None
    queue_timeout_seconds: float | None = None
    retries: JsonObject = field(default_factory=dict)
    max_attempts: int | None = None
    rerun_lost: int | None = None
    stop_grace_seconds: float | None = None
    checks: JsonObject = field(default_factory=dict)
    questions: JsonObject = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """Return the body of `POST /jobs`."""
        fields: dict[str, Json] = {
            "agent_name": self.agent_name,
            "project_dir": self.project_dir,
            "parent_session_name": self.parent_session_name,
            "labels": self.labels or None,
            "priority": self.priority,
            "timeout_seconds": self.timeout_seconds,
            "if_busy": self.if_busy,
            "callback": self.callback or None,
            "launcher_id": self.launcher_id,
            "callback_policy": self.callback_policy,
            "callback_group": self.callback_group,
            "wait_for": self.wait_for,
            "limits": self.limits or None,
            "not_before": self.not_before,
            "queue_timeout_seconds": self.queue_timeout_seconds,
            "retries": self.retries or None,
            "max_attempts": self.max_attempts,
            "rerun_lost": self.rerun_lost,
            "stop_grace_seconds": self.stop_grace_seconds,
            "questions": self.questions or None,
            **self.checks,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return {"type": self.type.value, "session_name": self.session_name, "prompt": self.prompt, **given}


@dataclass(frozen=True)
class Listed(Generic[Item]):
    """What was found of a list, and a sentence for each item in it that could not be read."""

    items: list[Item]
    unreadable: list[str]
    has_more: bool = False


@dataclass(frozen=True)
class SessionQuery:
    """Which sessions to list; None asks for all."""

    status: str | None = None
    agent: str | None = None
    parent: str | None = None
    tree: str | None = None
    words: str | None = None

    def as_parameters(self) -> dict[str, str]:
        """Return the query parameters of `GET /sessions`."""
        fields = {
            "status": self.status,
            "agent": self.agent,
            "parent": self.parent,
            "tree": self.tree,
            "q": self.words,
        }
        return {name: value for name, value in fields.items() if value}


def exit_code_of_failure(reason: str | None) -> ExitCode:
    """Return the exit status for the reason why a session's last job failed."""
    return ExitCode.LOST if reason == "launcher_lost" else ExitCode.JOB_FAILED
