"""How launchers, and the jobs that are given to them, look on the wire."""

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel

from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.http.wire import WireTime
from agent_runtime.services.access.callers import SessionTokens
from agent_runtime.services.launchers.claims import Claimed
from agent_runtime.services.launchers.parked_polls import ParkedPolls


def answer(body: BaseModel, status: int = 200) -> Response:
    """Write an answer; a sparse one has only the fields that it was given."""
    return Response(body.model_dump_json(exclude_unset=isinstance(body, Sparse)), status, media_type="application/json")


class Sparse(BaseModel):
    """An answer that leaves out what it was not given; below its first level everything is there."""


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

    @classmethod
    def of(cls, claim: Claimed, tokens: SessionTokens) -> "JobForLauncher":
        """Show a claim to the launcher that made it, and to nobody else: it carries secrets."""
        job = claim.job
        return cls.model_construct(
            job_id=job.id,
            type=job.type.value,
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
        )


class LauncherWire(BaseModel):
    """A launcher, as people see it."""

    launcher_id: str
    name: str
    hostname: str
    labels: dict[str, str]
    max_jobs: int | None
    backends: list[str]
    version: str | None
    status: str
    draining: bool
    epoch: int
    running_jobs: int
    last_seen_at: WireTime
    proof_age_seconds: float
    poll_parked: bool
    registered_at: WireTime


def launcher_wire(launcher: Launcher, running_jobs: int, now: datetime, polls: ParkedPolls) -> LauncherWire:
    """Show a launcher."""
    is_draining = launcher.draining and launcher.status is LauncherStatus.ALIVE
    return LauncherWire(
        launcher_id=launcher.id,
        name=launcher.name,
        hostname=launcher.hostname,
        labels=dict(launcher.labels),
        max_jobs=launcher.max_jobs,
        backends=list(launcher.backends),
        version=launcher.version,
        status="draining" if is_draining else launcher.status.value,
        draining=launcher.draining,
        epoch=launcher.epoch,
        running_jobs=running_jobs,
        last_seen_at=launcher.last_seen_at,
        proof_age_seconds=max((now - launcher.last_seen_at).total_seconds(), 0.0),
        poll_parked=polls.is_parked(launcher.id),
        registered_at=launcher.registered_at,
    )
