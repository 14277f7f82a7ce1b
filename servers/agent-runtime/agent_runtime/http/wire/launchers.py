"""What launchers send, what they are answered, and how they look to people."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import JobStatus, Usage
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.http.wire.answers import ErrorAnswer
from agent_runtime.http.wire.clients import ClientsBody, ClientWire, clients_wire
from agent_runtime.http.wire.ends import Bytes, LimitBody, UsageBody
from agent_runtime.http.wire.fields import GivenTime, Labels, NotBool, Number, PlainText, Whole, WireTime
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.launchers.presence import KnownAttempt
from agent_runtime.services.launchers.reports import Proof, Report

REPORTS_MAX = 64
_Id = Annotated[str, Field(pattern=r"^lnch_[0-9a-z]{26}$")]
_Name = Annotated[PlainText, Field(max_length=200)]


class LauncherWire(BaseModel):
    """A launcher, as people see it; one with `only_own_jobs` is a command in a terminal, and takes nobody else's."""

    launcher_id: str
    name: str
    hostname: str
    labels: dict[str, str]
    max_jobs: int | None
    only_own_jobs: bool
    backends: list[str]
    clients: list[ClientWire] | None
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
        only_own_jobs=launcher.only_own_jobs,
        backends=list(launcher.backends),
        clients=clients_wire(launcher),
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


class HeldWire(BaseModel):
    """An attempt that the launcher has."""

    job_id: str
    attempt: Whole
    token: str


class InstanceWire(BaseModel):
    """Which process registers, and for which time: heard again, the same call changes nothing.

    `began` is when the process began, in seconds since its machine has started: of two with one identity the
    earlier one is `superseded`, in whichever order they are heard.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    call: NotBool[Annotated[int, Field(ge=1, le=1_000_000_000)]]
    began: NotBool[Annotated[float, Field(ge=0, le=1e12)]] | None = None


class RegisterBody(BaseModel):
    """Who a launcher is; all of it may be left out."""

    launcher_id: _Id | None = None
    name: _Name = ""
    hostname: _Name = ""
    boot_id: _Name | None = None
    version: _Name | None = None
    labels: Labels = Field(default_factory=dict)
    max_jobs: NotBool[Annotated[int, Field(ge=1, le=100_000)]] | None = None
    backends: list[_Name] = Field(default_factory=list, max_length=100)
    clients: ClientsBody | None = None
    holding: list[HeldWire] | None = None
    only_own_jobs: bool = False
    instance: InstanceWire | None = None


class AdoptWire(BaseModel):
    """An attempt that goes on, and how much of its output is here."""

    job_id: str
    attempt: int
    log_offset: int


class DropWire(BaseModel):
    """An attempt that is fenced off: to be killed, and not reported."""

    job_id: str
    attempt: int
    reason: str


class RegisterAnswer(BaseModel):
    """What a launcher needs to know."""

    launcher_id: str
    epoch: int
    poll_endpoint: str
    report_endpoint: str
    poll_timeout_seconds: float
    heartbeat_interval_seconds: float
    adopt: list[AdoptWire]
    drop: list[DropWire]


class HeartbeatBody(BaseModel):
    """That a launcher lives, and what it has."""

    launcher_id: str
    epoch: Whole | None = None
    holding: list[HeldWire] | None = None
    poll_age_seconds: Number | None = None
    unreported: Whole = 0
    clients: ClientsBody | None = None


class HeartbeatAnswer(BaseModel):
    """What a launcher is to stop or to drop."""

    ok: bool = True
    stop_jobs: list[str]
    drop: list[DropWire]


class AttemptFields(BaseModel):
    """Which attempt is meant; the simplest launchers do not say."""

    attempt: Whole | None = None
    token: str | None = None

    def proof_by(self, launcher_id: str, job_id: str) -> Proof:
        """Name the attempt, for the launcher that speaks of it."""
        return Proof(JobId(job_id), LauncherId(launcher_id), self.attempt, self.token)


class AttemptBody(AttemptFields):
    """Which launcher speaks of which attempt."""

    launcher_id: str

    def proof(self, job_id: str) -> Proof:
        """Name the attempt."""
        return self.proof_by(self.launcher_id, job_id)


class DeclinedBody(AttemptBody):
    """Why a claim is given back."""

    reason: str | None = None
    error: str | None = None


class EndFields(AttemptFields):
    """How an attempt ended.

    `unwritten` says what the launcher's machine could not write of it: what is missing here is then taken from the
    session's events. `checked` says that what the job asks of its end (`verify`, `output_schema`) was checked
    and holds; without it such a job has not completed.
    """

    status: str | None = None
    reason: str | None = None
    error: str | None = None
    exit_code: NotBool[Annotated[int, Field(ge=-(2**31), lt=2**31)]] | None = None
    signal: NotBool[Annotated[int, Field(ge=0, le=200)]] | None = None
    usage: UsageBody | None = None
    cost_usd: NotBool[Annotated[float, Field(ge=0)]] | None = None
    ended_at: GivenTime | None = None
    run_seconds: NotBool[Annotated[float, Field(ge=0, le=10**9)]] | None = None
    log_bytes: Bytes | None = None
    unwritten: str | None = None
    limit: LimitBody | None = None
    checked: bool = False

    def report_by(self, launcher_id: str, job_id: str, outcome: JobStatus) -> Report:
        """Say it in the words of the services."""
        usage = None
        if self.usage is not None or self.cost_usd is not None:
            tokens = self.usage or UsageBody()
            usage = Usage(**tokens.model_dump(), cost_usd=self.cost_usd or 0.0)
        return Report(
            proof=self.proof_by(launcher_id, job_id),
            outcome=outcome,
            reason=self.reason,
            error=self.error,
            exit_code=self.exit_code,
            signal=self.signal,
            usage=usage,
            ended_at=self.ended_at,
            run_seconds=self.run_seconds,
            log_bytes=self.log_bytes,
            is_cut_short=self.unwritten is not None,
            limit=(self.limit or LimitBody()).told(),
            is_checked=self.checked,
        )


class ReportBody(EndFields):
    """How an attempt of a launcher ended."""

    launcher_id: str

    def report(self, job_id: str, outcome: JobStatus) -> Report:
        """Say it in the words of the services."""
        return self.report_by(self.launcher_id, job_id, outcome)


class OneReport(EndFields):
    """What would be a call of its own: which one, of which job, and what it would say."""

    call: Literal["started", "completed", "failed", "stopped"]
    job_id: str


class ReportsBody(BaseModel):
    """What a launcher has to say of several attempts."""

    launcher_id: str
    reports: Annotated[list[OneReport], Field(min_length=1, max_length=REPORTS_MAX)]


class JobState(BaseModel):
    """Where the job stands now."""

    job_id: str
    status: str


class OneAnswer(BaseModel):
    """What one report of several is answered: the status and the body that it would get as a call of its own."""

    status: int
    body: JobState | ErrorAnswer


class ReportsAnswer(BaseModel):
    """The answers to several reports, in their order."""

    answers: list[OneAnswer]


class LogOffset(BaseModel):
    """Where the next chunk of output belongs."""

    offset: int


class LauncherList(BaseModel):
    """All launchers that are known."""

    launchers: list[LauncherWire]


def attempts_at_launcher(holding: list[HeldWire] | None) -> list[KnownAttempt] | None:
    """Say in the services' words what a launcher says that it holds; nothing if it does not say."""
    if holding is None:
        return None
    return [KnownAttempt(JobId(item.job_id), item.attempt, item.token) for item in holding]
