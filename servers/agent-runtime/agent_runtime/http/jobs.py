"""`/jobs` and all below it: order, list, look at, change, take back, hold, stop, run again, read the output."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from agent_runtime.domain.errors import Invalid, Problem
from agent_runtime.domain.ids import JobId, LauncherId, is_session_name
from agent_runtime.domain.job import Job, JobStatus, JobType, Order
from agent_runtime.domain.limits import DEFAULT_LIMITS, Limits
from agent_runtime.domain.reasons import Reason
from agent_runtime.http.door.auth import calling_session
from agent_runtime.http.wire.answers import answer, answer_for, answers_together, documented
from agent_runtime.http.wire.jobs import (
    AttemptList,
    AttemptWire,
    CreateAnswer,
    CreatedAnswers,
    EditBody,
    JobBodies,
    JobBody,
    JobList,
    JobOrder,
    JobWire,
    StopAnswer,
    job_wire,
)
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.services.access.callers import Caller, refuse_foreign_order
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.jobs.admission import refuse_command_unasked, refuse_wider_terms
from agent_runtime.services.jobs.default_agent import with_agent
from agent_runtime.services.jobs.holds import hold_job, lift_hold
from agent_runtime.services.jobs.homes import at_home
from agent_runtime.services.jobs.known_jobs import get_job, list_attempts, list_jobs
from agent_runtime.services.jobs.orders import Created, IdempotencyKey, create_job, retry_job, stop_job
from agent_runtime.services.jobs.queue_limits import QueueGauge
from agent_runtime.services.jobs.run_order import next_to_run
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.launchers.log_readers import LogReaders
from agent_runtime.services.launchers.logs import LogPart, read_log
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.messages import edit_message, withdraw_message

WAITING_COUNTED_MAX = 1_000_000
LOG_WAIT_SECONDS_MAX = 30.0
IDEMPOTENCY_KEY_MAX, IDEMPOTENCY_KEY_OF_LIST_MAX = 200, 190
ORDERS_AT_ONCE = 64
"""Of a list, so many are on their way to the store at the same time: others come between them."""
AGENT_SESSION_HEADER_MAX = 60


def nothing() -> None:
    """Do nothing, for who need not be told."""


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
    tell_order: Callable[[Job, str | None], None] | None = None
    """Told of each new job, and of the `traceparent` with which it was ordered; None where there are no traces."""

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["jobs"])
        self._add_all(routes)
        one = "/jobs/{job_id}"
        for method, path, call, model, refusals, summary in (
            ("GET", one, self.get, JobWire, (404,), "Look at one job"),
            ("PATCH", one, self.edit, JobWire, (404, 409), "Change the words of a job that waits"),
            ("DELETE", one, self.withdraw, StopAnswer, (404, 409), "Take back a job that waits"),
            ("POST", f"{one}/stop", self.stop, StopAnswer, (404,), "Stop a job"),
            ("POST", f"{one}/retry", self.retry, CreateAnswer, (404, 409), "Run a failed or stopped job once more"),
            ("POST", f"{one}/hold", self.hold, JobWire, (404, 409), "Hold a job that waits"),
            ("DELETE", f"{one}/hold", self.lift_hold, JobWire, (404,), "Lift the hold of a job"),
            ("GET", f"{one}/attempts", self.attempts, AttemptList, (404,), "List the attempts of a job, oldest first"),
        ):
            routes.add_api_route(
                path,
                call,
                methods=[method],
                response_model=model,
                responses=documented(*refusals, 422, body=method == "PATCH"),
                summary=summary,
            )
        routes.add_api_route(
            f"{one}/log",
            self.log,
            methods=["GET"],
            response_class=Response,
            responses={200: {"content": {"application/octet-stream": {}}}, **documented(404, 422)},
            summary="Read the output of an attempt",
        )
        return routes

    def _add_all(self, routes: APIRouter) -> None:
        """Add what is about jobs as a whole."""
        routes.add_api_route(
            "/jobs",
            self.create,
            methods=["POST"],
            status_code=201,
            response_model=CreateAnswer,
            responses={200: {"model": CreateAnswer | CreatedAnswers}, **documented(404, 409, 422, body=True)},
            summary="Start or resume a session, or several",
        )
        routes.add_api_route(
            "/jobs",
            self.list,
            methods=["GET"],
            response_model=JobList,
            responses=documented(404, 422),
            summary="List jobs, newest first or next to run first",
        )

    async def create(
        self,
        request: Request,
        body: JobBody | JobBodies,
        idempotency_key: Annotated[str | None, Header(max_length=IDEMPOTENCY_KEY_MAX)] = None,
        x_agent_session_name: Annotated[str | None, Header(max_length=AGENT_SESSION_HEADER_MAX)] = None,
    ) -> Response:
        """Answered once the job is on disk: from then on it ends in one outcome, or waits and says why.

        A list of up to 1000 orders is answered with 200 and, for each order in its place, the status and the body that
        it would get as a call of its own: one that is refused refuses no other one. Of what belongs together, no order
        of carrying out is promised. Sent again under the same key, the list makes no second job.
        """
        if isinstance(body, JobBody):
            return await self._create(request, body, idempotency_key, x_agent_session_name)
        return await self.create_all(request, body, idempotency_key, x_agent_session_name)

    async def create_all(
        self, request: Request, orders: Sequence[JobBody | Invalid], key: str | None, session: str | None
    ) -> Response:
        """Accept several orders, and answer each as if it had come alone; one that cannot be read is its refusal."""

        async def one(place: int, order: JobBody | Invalid) -> Response:
            try:
                if isinstance(order, Invalid):
                    raise order
                return await self._create(request, order, f"{key}#{place}" if key is not None else None, session)
            except Problem as problem:
                return answer_for(problem)

        if len(key or "") > IDEMPOTENCY_KEY_OF_LIST_MAX:
            raise Invalid(
                "invalid_parameters",
                f"invalid header: 'idempotency-key': at most {IDEMPOTENCY_KEY_OF_LIST_MAX} characters are expected for "
                "a list",
            )
        told: list[Response] = []
        for begin in range(0, len(orders), ORDERS_AT_ONCE):
            part = enumerate(orders[begin : begin + ORDERS_AT_ONCE], begin)
            told += await asyncio.gather(*(one(place, order) for place, order in part))
        return answers_together(told)

    async def _create(
        self, request: Request, body: JobBody, idempotency_key: str | None, session: str | None
    ) -> Response:
        if not is_session_name(body.session_name) and body.type is JobType.START_SESSION:
            raise Invalid(
                "invalid_parameters",
                "invalid session_name: 1 to 60 of A-Z a-z 0-9 - _ expected, not starting with '-' or 'ses_', "
                f"found '{body.session_name[:40]}'",
            )
        order = body.order(calling_session(request, session))
        key = _key(idempotency_key, body, order)
        caller: Caller = request.state.caller

        def create(tx: Transaction) -> Created:
            refuse_foreign_order(tx, caller, order)
            named = with_agent(tx, order, self.find_agent, self.default_agent)
            if caller.session_id is not None:
                refuse_command_unasked(tx, named, caller.session_id, self.find_agent)
                refuse_wider_terms(tx, named, caller.session_id, self.find_agent)
            bound = at_home(tx, caller.job_id, named, self.find_agent) if caller.job_id is not None else named
            return create_job(tx, bound, self.find_agent, key, self.gauge, self.growth)

        self.expect_job()
        made = await self.store.write(create)
        job = made.job
        if self.tell_order is not None and made.is_new:
            self.tell_order(job, request.headers.get("traceparent"))
        return answer(
            CreateAnswer.of(job),
            201 if made.is_new else 200,
        )

    async def list(
        self,
        status: JobStatus | None = None,
        session: str | None = None,
        launcher: str | None = None,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
        order: Annotated[JobOrder, Query(description="which jobs come first")] = JobOrder.NEWEST,
    ) -> Response:
        """Answered in pages; `next_cursor` is there while there is more.

        With `order=run` it is one page of what waits, next to run first: the most urgent jobs, beside them those
        that have aged up to them (thirty seconds of waiting for each point of priority), and among equals the groups
        alternately, as the claims take them. Where a claim draws lots, jobs alternate. Then come the jobs that no
        present launcher may run, then those that wait for a time, and last those that wait for their session.
        `waiting` tells how many wait in all. The order is that of this moment: a page behind it would be of another.
        """
        if order is JobOrder.RUN:
            _refuse_other_filters(status, session, launcher, cursor)
            return answer(await self.store.read(lambda tx: _line(tx, limit)))

        mark = read_cursor(cursor)

        def read(tx: Transaction) -> JobList:
            found = tx.sessions.find(session) if session is not None else None
            if session is not None and found is None:
                return JobList(jobs=[])
            wanted = JobFilter(
                limit=limit + 1,
                before=JobId(mark) if mark is not None else None,
                status=status,
                session_id=found.id if found is not None else None,
                launcher_id=LauncherId(launcher) if launcher is not None else None,
            )
            shown, following = page_of(list_jobs(tx, wanted), limit, lambda job: job.id)
            return _list_of(tx, shown, following)

        return answer(await self.store.read(read))

    async def get(self, job_id: str) -> Response:
        """Tells where it stands, and while it waits, why and what would change that."""

        return answer(await self.store.read(lambda tx: _whole(tx, get_job(tx, JobId(job_id)))))

    async def edit(self, job_id: str, body: EditBody) -> Response:
        """What a launcher has taken cannot be changed any more."""
        return answer(await self.store.write(lambda tx: _whole(tx, edit_message(tx, JobId(job_id), body.prompt))))

    async def withdraw(self, job_id: str) -> Response:
        """What a launcher has taken can only be stopped."""
        job = await self.store.write(lambda tx: withdraw_message(tx, JobId(job_id)))
        return answer(StopAnswer(job_id=job.id, status=job.status, stop_requested=False))

    async def hold(self, job_id: str) -> Response:
        """No launcher gets it until the hold is lifted; it keeps its place, and can be stopped. Again is harmless."""
        return answer(await self.store.write(lambda tx: _whole(tx, hold_job(tx, JobId(job_id)))))

    async def lift_hold(self, job_id: str) -> Response:
        """It waits for its time or a launcher as before; a job that is not held stays as it is."""
        return answer(await self.store.write(lambda tx: _whole(tx, lift_hold(tx, JobId(job_id)))))

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
        return answer(CreateAnswer.of(job))

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
    content = body.model_dump(mode="json") | {"parent_session_name": order.parent_session_name}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return IdempotencyKey(header, hashlib.sha256(canonical.encode()).hexdigest())


def _whole(tx: Transaction, job: Job) -> JobWire:
    asked = tx.jobs.checks(job.id) if job.has_checks else {}
    return job_wire(job, explain_waiting(tx, [job]).get(job.id), tx.jobs.prompt(job.id), asked)


def _refuse_other_filters(
    status: JobStatus | None, session: str | None, launcher: str | None, cursor: str | None
) -> None:
    if status not in (None, JobStatus.PENDING) or not (session is launcher is cursor is None):
        raise Invalid(
            "invalid_parameters",
            "invalid query: 'order': 'run' is an order of all pending jobs, beside which only 'limit' and the status "
            "'pending' are expected, found another filter (leave that out, or the order)",
        )


def _line(tx: Transaction, limit: int) -> JobList:
    line = _list_of(tx, next_to_run(tx, limit))
    line.waiting = tx.jobs.count_waiting(WAITING_COUNTED_MAX)
    return line


def _list_of(tx: Transaction, jobs: Sequence[Job], following: str | None = None) -> JobList:
    waits = explain_waiting(tx, jobs)
    return JobList(jobs=[job_wire(job, waits.get(job.id)) for job in jobs], next_cursor=following)
