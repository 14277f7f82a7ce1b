"""`GET /jobs`: what there is, newest first, or what waits, next to run first."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import JobStatus
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.fields import LIST_LIMIT, LIST_LIMIT_MAX
from agent_runtime.http.wire.jobs import JobList, job_wire
from agent_runtime.services.jobs.orders import list_jobs
from agent_runtime.services.jobs.run_order import next_to_run
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.ports.questions import JobFilter
from agent_runtime.services.ports.store import Store, Transaction

WAITING_COUNTED_MAX = 1_000_000


class JobOrder(StrEnum):
    """Which jobs of a list come first."""

    NEWEST = "newest"
    RUN = "run"


@dataclass(frozen=True)
class JobListRoutes:
    """`/jobs` as a list."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["jobs"])
        routes.add_api_route(
            "/jobs",
            self.list,
            methods=["GET"],
            response_model=JobList,
            responses=documented(404, 422),
            summary="List jobs, newest first or next to run first",
        )
        return routes

    async def list(
        self,
        status: JobStatus | None = None,
        session: str | None = None,
        launcher: str | None = None,
        limit: Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX)] = LIST_LIMIT,
        cursor: Annotated[str | None, Query(max_length=40)] = None,
        order: Annotated[JobOrder, Query(description="which jobs come first")] = JobOrder.NEWEST,
    ) -> Response:
        """Answered in pages; `next_cursor` is there while there is more.

        With `order=run` it is one page of what waits, next to run first: the most urgent jobs, beside them those
        that have aged up to them (thirty seconds of waiting for each point of priority), and among equals the groups
        in turns, as the claims take them. Where a claim draws lots, jobs alternate. Then come the jobs that no
        present launcher may run, then those that wait for a time, and last those that wait for their session.
        `waiting` tells how many wait in all. The order is that of this moment: a page behind it would be of another.
        """
        if order is JobOrder.RUN:
            _refuse_other_filters(status, session, launcher, cursor)
            return answer(await self.store.read(lambda tx: _line(tx, limit)))

        def read(tx: Transaction) -> JobList:
            found = tx.sessions.find(session) if session is not None else None
            if session is not None and found is None:
                return JobList(jobs=[])
            jobs = list_jobs(
                tx,
                JobFilter(
                    limit=limit + 1,
                    before=JobId(cursor) if cursor is not None else None,
                    status=status,
                    session_id=found.id if found is not None else None,
                    launcher_id=LauncherId(launcher) if launcher is not None else None,
                ),
            )
            shown = jobs[:limit]
            waits = explain_waiting(tx, shown)
            more = shown[-1].id if len(jobs) > limit else None
            return JobList(jobs=[job_wire(job, waits.get(job.id)) for job in shown], next_cursor=more)

        return answer(await self.store.read(read))


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
    jobs = next_to_run(tx, limit)
    waits = explain_waiting(tx, jobs)
    waiting = tx.jobs.count_waiting(WAITING_COUNTED_MAX)
    return JobList(jobs=[job_wire(job, waits.get(job.id)) for job in jobs], waiting=waiting)
