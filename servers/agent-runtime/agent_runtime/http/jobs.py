"""What clients call about jobs: create, look at, stop, run again, read the output."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.ids import JobId, LauncherId, is_session_name
from agent_runtime.domain.job import IfBusy, JobType, Order
from agent_runtime.domain.limits import DEFAULT_LIMITS, Limits
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.wishes import CallbackPolicy, WaitFor
from agent_runtime.http.door.auth import calling_session
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.fields import GivenName, GivenPrompt, GivenTime, PlainText
from agent_runtime.http.wire.jobs import AttemptList, AttemptWire, JobWire, job_wire
from agent_runtime.services.access.callers import Caller, refuse_foreign_order
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.jobs.orders import (
    Created,
    IdempotencyKey,
    create_job,
    get_job,
    list_attempts,
    retry_job,
    stop_job,
)
from agent_runtime.services.jobs.queue_limits import QueueGauge
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.launchers.log_readers import LogReaders
from agent_runtime.services.launchers.logs import LogPart, read_log
from agent_runtime.services.ports.store import Store, Transaction

PROMPT_BYTES_MAX = 8 * 1024 * 1024
LOG_WAIT_SECONDS_MAX = 30.0
IDEMPOTENCY_KEY_MAX = 200
AGENT_SESSION_HEADER_MAX = 60
_Label = Annotated[PlainText, Field(max_length=200)]
_Name = Annotated[str, Field(max_length=200)]
_Folder = Annotated[str, Field(max_length=4096, json_schema_extra={"pattern": r"^(/|[A-Za-z]:[\\/])"})]
_Count = Annotated[int, Field(ge=0, le=10**12)]
_Amount = Annotated[float, Field(ge=0, le=10**9)]


def nothing() -> None:
    """Do nothing, for who need not be told."""


def checked_prompt(prompt: str) -> str:
    """Give the prompt back if it can be stored and run.

    Errors:  ValueError, for the sentence of a refusal.
    """
    if not prompt:
        raise ValueError("a prompt of at least one character is expected")
    if len(prompt) > PROMPT_BYTES_MAX or len(prompt.encode()) > PROMPT_BYTES_MAX:
        raise ValueError(f"a prompt of at most {PROMPT_BYTES_MAX} bytes is expected")
    return prompt


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
    """An order to start or resume a session."""

    type: JobType
    session_name: GivenName
    prompt: GivenPrompt
    agent_name: _Name | None = None
    project_dir: _Folder | None = None
    parent_session_name: _Name | None = None
    labels: dict[_Label, _Label] = Field(default_factory=dict, max_length=100)
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    timeout_seconds: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    stop_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    if_busy: IfBusy = IfBusy.ENQUEUE
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    rerun_lost: Annotated[int, Field(ge=0, le=100)] = 0
    not_before: GivenTime | None = None
    queue_timeout_seconds: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    callback: bool = False
    callback_policy: CallbackPolicy = CallbackPolicy.EACH
    callback_group: Annotated[PlainText, Field(min_length=1, max_length=60)] | None = None
    wait_for: WaitFor = WaitFor.NOTHING
    limits: LimitsBody | None = None
    launcher_id: Annotated[str, Field(pattern=r"^lnch_[0-9a-z]{26}$")] | None = None

    @field_validator("prompt")
    @classmethod
    def _prompt_fits(cls, prompt: str) -> str:
        return checked_prompt(prompt)

    @field_validator("project_dir")
    @classmethod
    def _is_absolute(cls, folder: str | None) -> str | None:
        # The folder is on the launcher's machine, which may be of another kind than ours.
        if folder is not None and not (PurePosixPath(folder).is_absolute() or PureWindowsPath(folder).is_absolute()):
            raise ValueError("an absolute path is expected")
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
            not_before=self.not_before,
            callback=self.callback,
            launcher_id=LauncherId(self.launcher_id) if self.launcher_id is not None else None,
            queue_timeout_seconds=self.queue_timeout_seconds,
            callback_policy=self.callback_policy,
            callback_group=self.callback_group,
            wait_for=self.wait_for,
            limits=self.limits.model_dump(exclude_none=True) if self.limits is not None else {},
        )


class CreateAnswer(BaseModel):
    """The job that was accepted, or had been accepted before under the same key."""

    job_id: str
    status: str
    session_id: str
    session_name: str


class StopAnswer(BaseModel):
    """What a stop did; `stop_requested` while the process has yet to end."""

    job_id: str
    status: str
    stop_requested: bool


@dataclass(frozen=True)
class JobRoutes:
    """`/jobs` and what hangs under it."""

    store: Store
    find_agent: FindAgent
    log_readers: LogReaders
    default_agent: str | None = None
    gauge: QueueGauge | None = None
    expect_job: Callable[[], None] = nothing
    """Told when a job is about to be written."""
    growth: Limits = DEFAULT_LIMITS
    """What a tree may grow to where nobody said anything."""

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["jobs"])
        add = routes.add_api_route
        add(
            "/jobs",
            self.create,
            methods=["POST"],
            status_code=201,
            response_model=CreateAnswer,
            responses={200: {"model": CreateAnswer}, **documented(404, 409, 422, body=True)},
            summary="Start or resume a session",
        )
        self._add_one(routes)
        return routes

    def _add_one(self, routes: APIRouter) -> None:
        """Add the routes of a single job."""
        add = routes.add_api_route
        one = "/jobs/{job_id}"
        add(
            one,
            self.get,
            methods=["GET"],
            response_model=JobWire,
            responses=documented(404, 422),
            summary="Look at one job",
        )
        add(
            f"{one}/stop",
            self.stop,
            methods=["POST"],
            response_model=StopAnswer,
            responses=documented(404, 422),
            summary="Stop a job",
        )
        add(
            f"{one}/retry",
            self.retry,
            methods=["POST"],
            response_model=CreateAnswer,
            responses=documented(404, 409, 422),
            summary="Run a failed or stopped job once more",
        )
        add(
            f"{one}/attempts",
            self.attempts,
            methods=["GET"],
            response_model=AttemptList,
            responses=documented(404, 422),
            summary="List the attempts of a job, oldest first",
        )
        add(
            f"{one}/log",
            self.log,
            methods=["GET"],
            response_class=Response,
            responses={200: {"content": {"application/octet-stream": {}}}, **documented(404, 422)},
            summary="Read the output of an attempt",
        )

    async def create(
        self,
        request: Request,
        body: JobBody,
        idempotency_key: Annotated[str | None, Header(max_length=IDEMPOTENCY_KEY_MAX)] = None,
        x_agent_session_name: Annotated[str | None, Header(max_length=AGENT_SESSION_HEADER_MAX)] = None,
    ) -> Response:
        """Answered once the job is on disk: from then on it ends in one outcome, or waits and says why."""
        if not is_session_name(body.session_name) and body.type is JobType.START_SESSION:
            raise Invalid(
                "invalid_parameters",
                "invalid session_name: 1 to 60 characters of A-Z a-z 0-9 - _ expected, not starting with 'ses_', "
                f"found '{body.session_name[:40]}'",
            )
        if body.agent_name is None and self.default_agent is not None:
            body.agent_name = self.default_agent
        order = body.order(calling_session(request, x_agent_session_name))
        key = _key(idempotency_key, body, order)
        caller: Caller = request.state.caller

        def create(tx: Transaction) -> Created:
            refuse_foreign_order(tx, caller, order)
            return create_job(tx, order, self.find_agent, key, self.gauge, self.growth)

        self.expect_job()
        made = await self.store.write(create)
        job = made.job
        return answer(
            CreateAnswer(job_id=job.id, status=job.status, session_id=job.session_id, session_name=job.session_name),
            201 if made.is_new else 200,
        )

    async def get(self, job_id: str) -> Response:
        """Tells where it stands, and while it waits, why and what would change that."""

        def read(tx: Transaction) -> JobWire:
            job = get_job(tx, JobId(job_id))
            return job_wire(job, explain_waiting(tx, [job]).get(job.id), tx.jobs.prompt(job.id))

        return answer(await self.store.read(read))

    async def stop(
        self, request: Request, job_id: str, x_agent_session_name: Annotated[str | None, Header(max_length=60)] = None
    ) -> Response:
        """Stops at once what waits, and through its launcher what runs; again is harmless."""
        is_agent = calling_session(request, x_agent_session_name) is not None
        reason = Reason.STOPPED_BY_PARENT if is_agent else Reason.STOPPED_BY_USER
        stopping = await self.store.write(lambda tx: stop_job(tx, JobId(job_id), reason))
        return answer(StopAnswer(job_id=stopping.job.id, status=stopping.job.status, stop_requested=stopping.requested))

    async def retry(self, job_id: str) -> Response:
        """Makes a new attempt of the same job."""
        job = await self.store.write(lambda tx: retry_job(tx, JobId(job_id)))
        return answer(
            CreateAnswer(job_id=job.id, status=job.status, session_id=job.session_id, session_name=job.session_name)
        )

    async def attempts(self, job_id: str) -> Response:
        """Tells what each try came to."""
        past = await self.store.read(lambda tx: list_attempts(tx, JobId(job_id)))
        return answer(AttemptList(attempts=[AttemptWire.of(item) for item in past]))

    async def log(
        self,
        job_id: str,
        attempt: Annotated[int | None, Query(ge=0, le=2**31)] = None,
        offset: Annotated[int, Query(ge=0, le=2**62)] = 0,
        wait: Annotated[float, Query(ge=0, le=LOG_WAIT_SECONDS_MAX)] = 0.0,
    ) -> Response:
        """Answers raw bytes; with `wait` it answers as soon as there are some, or nothing will follow."""

        async def read() -> LogPart:
            return await self.store.read(lambda tx: read_log(tx, JobId(job_id), attempt, offset))

        part = await self.log_readers.until(
            JobId(job_id), read, lambda part: bool(part.content) or part.is_complete, wait
        )
        headers = {
            "X-Log-Start": str(part.start),
            "X-Log-Next": str(part.next_offset),
            "X-Log-Complete": "true" if part.is_complete else "false",
        }
        return Response(part.content, headers=headers, media_type="application/octet-stream")


def _key(header: str | None, body: JobBody, order: Order) -> IdempotencyKey | None:
    if header is None:
        return None
    said = body.model_dump(mode="json") | {"parent_session_name": order.parent_session_name}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return IdempotencyKey(header, hashlib.sha256(canonical.encode()).hexdigest())
