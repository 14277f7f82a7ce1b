"""What a launcher's poll asks for, and what it brings."""

from typing import Annotated

from pydantic import BaseModel, Field

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.reasons import OF_LAUNCHERS
from agent_runtime.http.wire.answers import Sparse
from agent_runtime.http.wire.changes import InquiryWire
from agent_runtime.services.access.callers import SessionTokens
from agent_runtime.services.launchers.claims import Ask, Claimed

_BATCH_MAX = 64


class JobForLauncher(BaseModel):
    """One attempt, with all that is needed to run it."""

    job_id: str
    type: str
    session_name: str
    agent_name: str
    prompt: str
    project_dir: str | None
    session_id: str
    parent_session_name: str | None
    attempt: int
    token: str
    session_token: str
    labels: dict[str, str]
    timeout_seconds: float | None
    stop_grace_seconds: float
    traceparent: str | None

    @classmethod
    def of(cls, claim: Claimed, tokens: SessionTokens, traceparent: str | None) -> "JobForLauncher":
        """Show a claim to the launcher that made it, and to nobody else: it carries secrets."""
        job = claim.job
        return cls.model_construct(
            job_id=job.id,
            type=claim.type.value,
            session_name=job.session_name,
            agent_name=job.agent_name,
            prompt=claim.prompt,
            project_dir=job.project_dir,
            session_id=job.session_id,
            parent_session_name=job.parent_session_name,
            attempt=job.attempt,
            token=job.token or "",
            session_token=tokens.mint(job),
            labels=dict(job.labels),
            timeout_seconds=job.timeout_seconds,
            stop_grace_seconds=job.stop_grace_seconds,
            traceparent=traceparent,
        )


class PollQuery(BaseModel):
    """What a launcher waits for; `batch` is how many jobs it takes in one answer, and `refuse` why it takes none.

    A `refuse` that this runtime does not know is as good as none: the launcher may be newer.
    """

    launcher_id: str
    epoch: int | None = None
    slots: Annotated[int | None, Field(ge=0)] = None
    wait: Annotated[float | None, Field(ge=0, le=3600)] = None
    batch: Annotated[int | None, Field(ge=1)] = None
    refuse: Annotated[str | None, Field(max_length=64)] = None

    def ask(self) -> Ask:
        """Say it in the words of the services."""
        return Ask(
            launcher_id=LauncherId(self.launcher_id),
            epoch=self.epoch,
            slots=self.slots,
            batch=min(self.batch or 1, _BATCH_MAX),
            refusal=self.refuse if self.refuse in OF_LAUNCHERS else None,
            # Who asks for nothing but a job, as the simplest launchers do, may stumble over any other answer.
            hears_stops=self.model_fields_set != {"launcher_id"},
        )


class PollAnswer(Sparse):
    """A job to run (with `batch`: several), jobs to stop, or inquiries to answer; each inquiry is given once."""

    job: JobForLauncher | None = None
    jobs: list[JobForLauncher] | None = None
    stop_jobs: list[str] | None = None
    inquiries: list[InquiryWire] | None = None
