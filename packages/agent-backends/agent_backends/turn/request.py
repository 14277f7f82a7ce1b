"""What `ao-start` and `ao-resume` were asked to do, and what their environment says about who asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent_backends.installation import Installation
from runtime_client.errors import UsageError
from runtime_client.models import JobOrder, JobType
from runtime_client.wire import JsonObject


@dataclass(frozen=True)
class SessionRequest:
    """One prompt for one session, as it was asked for."""

    type: JobType
    session_name: str
    prompt: str = field(repr=False)
    agent_name: str | None = None
    project_dir: Path | None = None
    parent_session_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    callback: bool = False
    callback_policy: str | None = None
    callback_group: str | None = None
    wait_for: str | None = None
    limits: dict[str, float] = field(default_factory=dict)
    if_busy: str | None = None
    checks: JsonObject = field(default_factory=dict)
    questions: JsonObject = field(default_factory=dict)

    def order(self) -> JobOrder:
        """Return the job to create for this."""
        return JobOrder(
            type=self.type,
            session_name=self.session_name,
            prompt=self.prompt,
            agent_name=self.agent_name,
            project_dir=None if self.project_dir is None else str(self.project_dir),
            parent_session_name=self.parent_session_name,
            labels=self.labels,
            timeout_seconds=self.timeout_seconds,
            callback=self.callback,
            callback_policy=self.callback_policy,
            callback_group=self.callback_group,
            wait_for=self.wait_for,
            limits=self.limits,
            if_busy=self.if_busy,
            checks=self.checks,
            questions=self.questions,
        )


@dataclass(frozen=True)
class Surroundings:
    """Where a command runs: the installation it belongs to, its environment, and how it speaks to a person."""

    installation: Installation
    environment: Mapping[str, str]
    warn: Callable[[str], None]


@dataclass(frozen=True)
class Caller:
    """The process's place among jobs and sessions, from its environment.

    Shape:   `job_id` is set if this process runs a job of the session `session_name`; the agent's own commands inherit
             the same variables, and `agent_job_id` tells them apart.
    """

    session_name: str | None
    job_id: str | None
    attempt: int | None
    agent_job_id: str | None
    outcome_file: Path | None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Caller":
        """Read it from an environment."""
        attempt = environment.get("AGENT_JOB_ATTEMPT", "")
        outcome_file = environment.get("AGENT_OUTCOME_FILE")
        return cls(
            session_name=environment.get("AGENT_SESSION_NAME") or None,
            job_id=environment.get("AGENT_JOB_ID") or None,
            attempt=int(attempt) if attempt.isdigit() else None,
            agent_job_id=environment.get("AGENT_RUN_BY_JOB") or None,
            outcome_file=Path(outcome_file) if outcome_file else None,
        )

    def runs_job_of(self, session_name: str) -> bool:
        """Return whether a launcher started this process to run a job of that session."""
        return self.job_id is not None and self.session_name == session_name and self.agent_job_id != self.job_id

    def parent_of(self, session_name: str, asked_for: str | None) -> str | None:
        """Return the parent of a session that this process starts; a session is never its own parent."""
        parent = asked_for or self.session_name
        if asked_for == session_name:
            raise UsageError(f"cannot start session {session_name!r}: it was given as its own parent")
        return None if parent == session_name else parent
