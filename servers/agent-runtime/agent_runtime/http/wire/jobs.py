"""How a job and its attempts look to clients."""

from pydantic import BaseModel

from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.http.wire.fields import UsageWire, WireTime
from agent_runtime.services.jobs.waiting import Waiting
from agent_runtime.services.ports.questions import PastAttempt


class JobWire(BaseModel):
    """A job: what was ordered, where it stands, how it ended.

    `prompt` is None in lists; `prompt_preview` is its beginning. While the job is not over, `reason` says why,
    `reason_detail` what would change it, and `next_at` when time alone would.
    """

    job_id: str
    type: str
    status: str
    session_id: str
    session_name: str
    agent_name: str
    prompt: str | None
    prompt_preview: str
    project_dir: str | None
    parent_session_name: str | None
    labels: dict[str, str]
    priority: int
    timeout_seconds: float | None
    stop_grace_seconds: float
    if_busy: str
    max_attempts: int
    rerun_lost: int
    not_before: WireTime | None
    queue_expires_at: WireTime | None
    callback: bool
    attempt: int
    launcher_id: str | None
    reason: str | None
    reason_detail: str | None
    next_at: WireTime | None
    error: str | None
    exit_code: int | None
    signal: int | None
    usage: UsageWire
    cost_usd: float
    stop_requested_at: WireTime | None
    created_at: WireTime
    claimed_at: WireTime | None
    started_at: WireTime | None
    ended_at: WireTime | None
    lost_at: WireTime | None
    log_bytes: int


class JobList(BaseModel):
    """A page of jobs; `next_cursor` is there while there is more.

    `waiting` is how many jobs are pending in all; it is told with `order=run`.
    """

    jobs: list[JobWire]
    next_cursor: str | None = None
    waiting: int | None = None


class AttemptWire(BaseModel):
    """One try to run a job."""

    attempt: int
    status: str
    launcher_id: str | None
    reason: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    claimed_at: WireTime | None
    started_at: WireTime | None
    ended_at: WireTime | None

    @classmethod
    def of(cls, past: PastAttempt) -> "AttemptWire":
        """Show an attempt, without its token."""
        return cls(**{name: getattr(past, name) for name in cls.model_fields})


class AttemptList(BaseModel):
    """All attempts of a job, oldest first."""

    attempts: list[AttemptWire]


def job_wire(job: Job, waiting: Waiting | None, prompt: str | None = None) -> JobWire:
    """Show a job, and while it is not over, why."""
    is_pending = job.status is JobStatus.PENDING
    return JobWire(
        job_id=job.id,
        type=job.type,
        status=job.status,
        session_id=job.session_id,
        session_name=job.session_name,
        agent_name=job.agent_name,
        prompt=prompt,
        prompt_preview=job.prompt_preview,
        project_dir=job.project_dir,
        parent_session_name=job.parent_session_name,
        labels=dict(job.labels),
        priority=job.priority,
        timeout_seconds=job.timeout_seconds,
        stop_grace_seconds=job.stop_grace_seconds,
        if_busy=job.if_busy,
        max_attempts=job.max_attempts,
        rerun_lost=job.rerun_lost,
        not_before=job.not_before,
        queue_expires_at=job.queue_expires_at,
        callback=job.callback,
        attempt=job.attempt,
        launcher_id=job.launcher_id,
        reason=waiting.reason if waiting is not None else None if is_pending else job.reason,
        reason_detail=waiting.sentence if waiting is not None else None,
        next_at=waiting.next_at if waiting is not None else None,
        error=job.error,
        exit_code=job.exit_code,
        signal=job.signal,
        usage=UsageWire.of(job.usage),
        cost_usd=job.usage.cost_usd,
        stop_requested_at=job.stop_requested_at,
        created_at=job.created_at,
        claimed_at=job.claimed_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        lost_at=job.lost_at,
        log_bytes=job.log_bytes,
    )
