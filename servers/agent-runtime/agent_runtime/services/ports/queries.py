"""What is asked of the rows, and what they answer, beside the things themselves."""

from dataclasses import dataclass, fields
from datetime import date, datetime

from agent_runtime.domain.ids import JobId, LauncherId, SessionId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.session import SessionStatus


@dataclass(frozen=True)
class LogChunk:
    """A run of bytes of one attempt's output, with the place where it starts."""

    start: int
    content: bytes


@dataclass(frozen=True)
class JobFilter:
    """Which jobs a list is about; `before` is the id behind which the page starts, newest first."""

    limit: int
    before: JobId | None = None
    status: JobStatus | None = None
    session_id: SessionId | None = None
    launcher_id: LauncherId | None = None


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions a list is about; `before` is the id behind which the page starts, newest first."""

    limit: int
    before: SessionId | None = None
    status: SessionStatus | None = None
    agent_name: str | None = None
    parent_session_id: SessionId | None = None
    root_session_id: SessionId | None = None
    text: str | None = None


@dataclass(frozen=True)
class PastAttempt:
    """An attempt that was followed by another one."""

    job_id: JobId
    attempt: int
    status: JobStatus
    launcher_id: LauncherId | None
    launcher_epoch: int | None
    token: str | None
    reason: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    run_seconds: float | None

    @classmethod
    def of(cls, job: Job, ended_at: datetime | None) -> "PastAttempt":
        """Take what a job's row says of its attempt."""
        names = (field.name for field in fields(cls) if field.name not in ("job_id", "ended_at"))
        return cls(job_id=job.id, ended_at=ended_at, **{name: getattr(job, name) for name in names})


@dataclass(frozen=True)
class JobLife:
    """When a job was made, taken, begun and ended, and why so; for pictures of many."""

    id: JobId
    session_name: str
    agent_name: str
    launcher_id: LauncherId | None
    status: str
    created_at: datetime
    queued_at: datetime
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    run_seconds: float | None
    reason: str | None


@dataclass(frozen=True)
class TreeCost:
    """What the newest jobs of all sessions below one session, itself included, cost."""

    root_session_id: SessionId
    cost_usd: float
    jobs: int


@dataclass(frozen=True)
class AgentDay:
    """What the jobs of one agent, made on one day in UTC, cost."""

    day: date
    agent_name: str
    cost_usd: float
    input_tokens: int
    output_tokens: int
    jobs: int


@dataclass(frozen=True)
class KeyUse:
    """What an idempotency key is bound to."""

    fingerprint: str
    job_id: JobId


@dataclass(frozen=True)
class NextTimes:
    """The earliest of each kind of time that will change a job without anybody's call."""

    stop_announced_at: datetime | None
    claim_expires_at: datetime | None
    not_before: datetime | None
    lost_at: datetime | None
    queue_expires_at: datetime | None
