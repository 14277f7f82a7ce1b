"""Launchers whose accounts run into limits: for the tests of what is held because of that."""

from datetime import datetime, timedelta

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Job, JobStatus, Order
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.quota_hold import Limit, QuotaHold, QuotaOf
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.launchers.reports import Report, finish, start
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from agent_runtime.upkeep.quota import tend_holds
from support.store_rig import StoreRig, proof

AGENTS = {
    "claude": AgentNeeds("claude", True, {}, quota=QuotaOf("claude")),
    "careful": AgentNeeds("careful", True, {}, quota=QuotaOf("claude"), fallbacks=("nobody", "codex")),
    "opus": AgentNeeds("opus", True, {}, quota=QuotaOf("claude", "opus")),
    "own-key": AgentNeeds("own-key", True, {}, quota=QuotaOf("claude", None, "agent own-key")),
    "codex": AgentNeeds("codex", True, {}, quota=QuotaOf("codex")),
    "script": AgentNeeds("script", True, {}),
}


class Wall:
    """Launchers with accounts, jobs that run into a limit, and the clock."""

    def __init__(self, rig: StoreRig) -> None:
        self.rig = rig

    def launcher(self, account: str, hostname: str = "here") -> Launcher:
        """Register a launcher whose claude has an account."""
        return self.rig.launcher(
            hostname=hostname, clients={"claude": {"program": "/bin/claude", "is_signed_in": True, "account": account}}
        )

    def create(self, agent: str = "claude", **fields: object) -> Job:
        """Order a session."""
        order: Order = self.rig.order(None, agent_name=agent, **fields)
        return self.rig.do(lambda tx: create_job(tx, order, AGENTS.get)).job

    def run(self, launcher: Launcher) -> list[Job]:
        """Let begin what a launcher is given."""
        claims = self.rig.poll(launcher, batch=10).claims
        return [self.rig.do(lambda tx, one=claim.job: start(tx, proof(one))) for claim in claims]  # type: ignore[misc]

    def refuse(self, job: Job, minutes: float | None = 60, **limit: object) -> Job:
        """Let a running job fail of its account's limit, which ends after some time."""
        at = self.now + timedelta(minutes=minutes) if minutes is not None else None
        told = Limit("5-hour limit", at, **limit)  # type: ignore[arg-type]
        return self.end(job, JobStatus.FAILED, "quota_exhausted", told)

    def end(self, job: Job, status: JobStatus, reason: str | None = None, limit: Limit | None = None) -> Job:
        """Report an end."""
        report = Report(proof(job), status, reason, error=reason, limit=limit or Limit())
        return self.rig.do(lambda tx: finish(tx, report)).job

    def speak(self, job: Job, kind: str = "message", *, clock_ahead: timedelta = timedelta(), **data: Json) -> None:
        """Let the agent of a job say or do something, on a machine whose clock may be wrong."""

        def tell(tx: Transaction) -> object:
            session = tx.sessions.get(job.session_id)
            assert session is not None
            given = GivenEvent(kind, data, tx.now + clock_ahead, job_id=job.id, attempt=job.attempt)
            return append_events(tx, session, [given])

        self.rig.do(tell)

    def pass_time(self, **units: float) -> None:
        """Let time pass, and the upkeep look after it."""
        self.rig.clock.move(**units)
        self.rig.do(tend_holds)

    def why(self, job: Job) -> Waiting:
        """Ask why a job waits."""
        found = self.rig.do(lambda tx: explain_waiting(tx, [get_job(tx, job.id)]))
        return found[job.id]

    def events(self, kind: str) -> list[Event]:
        """Read what was told of holds."""
        return [one for one in self.rig.do(lambda tx: tx.events.after(0, 1000)) if one.new.type == kind]

    @property
    def holds(self) -> list[QuotaHold]:
        """The holds that are open."""
        return list(self.rig.do(lambda tx: tx.quota.open()))

    @property
    def now(self) -> datetime:
        """The time."""
        return self.rig.clock.now()
