"""What clients send about jobs, and how a job and its attempts look to them."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator

from agent_runtime.domain.checks import CHECKS, OUTPUT_SCHEMA, VERIFY, VERIFY_ATTEMPTS
from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.job import IfBusy, Job, JobStatus, JobType, Order
from agent_runtime.domain.json import Json
from agent_runtime.domain.reasons import BY_EXIT_STATUS, SuccessReason
from agent_runtime.domain.retries import Retries
from agent_runtime.domain.wishes import CallbackPolicy, WaitFor
from agent_runtime.http.wire.answers import ErrorAnswer
from agent_runtime.http.wire.fields import (
    GivenName,
    GivenPrompt,
    GivenTime,
    Labels,
    NotBool,
    PlainText,
    UsageWire,
    WireTime,
)
from agent_runtime.services.agents.blueprint_checks import OutputSchema, VerifyAttempts, VerifyText
from agent_runtime.services.agents.blueprint_permissions import QuestionsText
from agent_runtime.services.agents.blueprint_retries import RetriesText
from agent_runtime.services.jobs.waiting import Waiting
from agent_runtime.services.ports.queries import PastAttempt

ORDERS_MAX = 1000
PROMPT_BYTES_MAX = 8 * 1024 * 1024
_Name = Annotated[str, Field(max_length=200)]
_Folder = Annotated[str, Field(max_length=4096, json_schema_extra={"pattern": r"^(/|[A-Za-z]:[\\/])"})]
_Count = NotBool[Annotated[int, Field(ge=0, le=10**12)]]
_Amount = NotBool[Annotated[float, Field(ge=0, le=10**9)]]


def _checked_prompt(prompt: str) -> str:
    if not prompt.strip():
        raise ValueError("a prompt with words in it is expected")
    if len(prompt) > PROMPT_BYTES_MAX or len(prompt.encode()) > PROMPT_BYTES_MAX:
        raise ValueError(f"a prompt of at most {PROMPT_BYTES_MAX} bytes is expected")
    return prompt


_Prompt = Annotated[GivenPrompt, AfterValidator(_checked_prompt)]


class LimitsBody(BaseModel):
    """What a session and its tree may cost; money in US dollars, time in seconds of work added up."""

    model_config = ConfigDict(extra="forbid")

    max_depth: _Count | None = None
    max_children: _Count | None = None
    max_tree_sessions: _Count | None = None
    max_cost_usd: _Amount | None = None
    max_tokens: _Count | None = None
    max_run_seconds: _Amount | None = None
    max_tree_cost_usd: _Amount | None = None
    max_tree_tokens: _Count | None = None
    max_tree_run_seconds: _Amount | None = None


class JobBody(BaseModel):
    """An order to start or resume a session.

    `verify`, `verify_attempts` and `output_schema` are what is asked of its end; where they are left out it is what the
    agent asks, and null asks nothing. `questions` are the terms of what the turn asks, where they are others than the
    agent's.
    """

    model_config = ConfigDict(extra="forbid")

    type: JobType
    session_name: GivenName
    prompt: _Prompt
    agent_name: _Name | None = None
    project_dir: _Folder | None = None
    parent_session_name: _Name | None = None
    labels: Labels = Field(default_factory=dict)
    priority: NotBool[Annotated[int, Field(ge=-100, le=100)]] = 0
    timeout_seconds: NotBool[Annotated[float, Field(gt=0, le=31_536_000)]] | None = None
    stop_grace_seconds: NotBool[Annotated[float, Field(ge=0, le=3600)]] = 10.0
    if_busy: IfBusy = IfBusy.ENQUEUE
    max_attempts: NotBool[Annotated[int, Field(ge=1, le=100)]] = 1
    rerun_lost: NotBool[Annotated[int, Field(ge=0, le=100)]] = 0
    retries: RetriesText | None = None
    verify: VerifyText | None = None
    verify_attempts: VerifyAttempts | None = None
    output_schema: OutputSchema | None = None
    questions: QuestionsText | None = None
    not_before: GivenTime | None = None
    queue_timeout_seconds: NotBool[Annotated[float, Field(gt=0, le=31_536_000)]] | None = None
    callback: bool = False
    callback_policy: CallbackPolicy = CallbackPolicy.EACH
    callback_group: Annotated[PlainText, Field(min_length=1, max_length=60)] | None = None
    wait_for: WaitFor = WaitFor.NOTHING
    limits: LimitsBody | None = None
    launcher_id: Annotated[str, Field(pattern=r"^lnch_[0-9a-z]{26}$")] | None = None

    @field_validator("project_dir")
    @classmethod
    def _is_absolute(cls, folder: str | None) -> str | None:
        # The folder is on the launcher's machine, which may be of another kind than ours.
        if folder is None or folder == "~" or folder.startswith("~/"):
            return folder
        if not (PurePosixPath(folder).is_absolute() or PureWindowsPath(folder).is_absolute()):
            raise ValueError("an absolute path is expected, or one from '~/', which is the launcher's home")
        return folder

    def order(self, parent_session_name: str | None) -> Order:
        """Say it in the words of the services."""
        parent = self.parent_session_name or parent_session_name
        return Order(
            type=self.type,
            session_name=self.session_name,
            prompt=self.prompt,
            agent_name=self.agent_name,
            project_dir=self.project_dir,
            # A session that resumes or names itself is not its own parent.
            parent_session_name=parent if parent != self.session_name else None,
            labels=self.labels,
            priority=self.priority,
            timeout_seconds=self.timeout_seconds,
            stop_grace_seconds=self.stop_grace_seconds,
            if_busy=self.if_busy,
            max_attempts=self.max_attempts,
            rerun_lost=self.rerun_lost,
            retries=self.retries.model_dump(exclude_none=True) if self.retries is not None else {},
            checks={name: _plain(getattr(self, name)) for name in CHECKS if name in self.model_fields_set},
            questions=self.questions.model_dump(exclude_unset=True) if self.questions is not None else {},
            not_before=self.not_before,
            callback=self.callback,
            launcher_id=LauncherId(self.launcher_id) if self.launcher_id is not None else None,
            queue_timeout_seconds=self.queue_timeout_seconds,
            callback_policy=self.callback_policy,
            callback_group=self.callback_group,
            wait_for=self.wait_for,
            limits=self.limits.model_dump(exclude_none=True) if self.limits is not None else {},
        )


def _plain(said: VerifyText | int | dict[str, JsonValue] | None) -> Json:
    return said.model_dump() if isinstance(said, VerifyText) else cast("Json", said)


JobBodies = Annotated[list[JobBody], Field(min_length=1, max_length=ORDERS_MAX)]


class CreateAnswer(BaseModel):
    """The job that was accepted, or had been accepted before under the same key."""

    job_id: str
    status: str
    session_id: str
    session_name: str
    agent_name: str

    @classmethod
    def of(cls, job: Job) -> "CreateAnswer":
        """Show it to whoever ordered it."""
        return cls(
            job_id=job.id,
            status=job.status,
            session_id=job.session_id,
            session_name=job.session_name,
            agent_name=job.agent_name,
        )


class OneCreated(BaseModel):
    """What one order of several is answered: the status and the body that it would get as a call of its own."""

    status: int
    body: CreateAnswer | ErrorAnswer


class CreatedAnswers(BaseModel):
    """The answers to several orders, in their places."""

    answers: list[OneCreated]


class StopAnswer(BaseModel):
    """What a stop did; `stop_requested` while the process has yet to end."""

    job_id: str
    status: str
    stop_requested: bool


class EditBody(BaseModel):
    """The new words of a message."""

    model_config = ConfigDict(extra="forbid")

    prompt: _Prompt


class JobOrder(StrEnum):
    """Which jobs of a list come first."""

    NEWEST = "newest"
    RUN = "run"


class JobWire(BaseModel):
    """A job: what was ordered, where it stands, how it ended.

    `prompt` is None in lists, and so is what is asked of its end; `prompt_preview` is its beginning. While the job is
    not over, `reason` says why,
    `reason_detail` what would change it, and `next_at` when time alone would. A completed one has a `reason` only if
    nobody but its exit status vouches for it.
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
    retries: RetriesText
    verify: VerifyText | None
    verify_attempts: int | None
    output_schema: dict[str, JsonValue] | None
    questions: QuestionsText
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
    run_seconds: float | None
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
    run_seconds: float | None

    @classmethod
    def of(cls, past: PastAttempt) -> "AttemptWire":
        """Show an attempt, without its token."""
        return cls(**{name: getattr(past, name) for name in cls.model_fields})


class AttemptList(BaseModel):
    """All attempts of a job, oldest first."""

    attempts: list[AttemptWire]


def _sentence(job: Job) -> str | None:
    is_by_status = job.status is JobStatus.COMPLETED and job.reason == SuccessReason.EXIT_STATUS_ONLY
    return BY_EXIT_STATUS if is_by_status else None


def job_wire(
    job: Job, waiting: Waiting | None, prompt: str | None = None, checks: Mapping[str, Json] | None = None
) -> JobWire:
    """Show a job, and while it is not over, why."""
    asked = checks or {}
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
        retries=RetriesText.model_validate(Retries(job.retries, job.max_attempts).in_words()),
        verify=VerifyText.model_validate(asked[VERIFY]) if VERIFY in asked else None,
        verify_attempts=cast("int | None", asked.get(VERIFY_ATTEMPTS)),
        output_schema=cast("dict[str, JsonValue] | None", asked.get(OUTPUT_SCHEMA)),
        questions=QuestionsText.model_validate(job.questions),
        not_before=job.not_before,
        queue_expires_at=job.queue_expires_at,
        callback=job.callback,
        attempt=job.attempt,
        launcher_id=job.launcher_id,
        reason=waiting.reason if waiting is not None else None if is_pending else job.reason,
        reason_detail=waiting.sentence if waiting is not None else _sentence(job),
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
        run_seconds=job.run_seconds,
        lost_at=job.lost_at,
        log_bytes=job.log_bytes,
    )
