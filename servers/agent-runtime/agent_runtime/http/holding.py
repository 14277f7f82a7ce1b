"""The hold of a job that waits: put it on, lift it."""

from dataclasses import dataclass

from fastapi import APIRouter

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.jobs import JobWire, job_wire
from agent_runtime.services.jobs.holds import hold_job, lift_hold
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.ports.store import Store, Transaction


@dataclass(frozen=True)
class HoldRoutes:
    """`/jobs/{job_id}/hold`."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["jobs"])
        path = "/jobs/{job_id}/hold"
        routes.add_api_route(
            path,
            self.hold,
            methods=["POST"],
            response_model=JobWire,
            responses=documented(404, 409, 422),
            summary="Hold a job that waits",
        )
        routes.add_api_route(
            path,
            self.lift,
            methods=["DELETE"],
            response_model=JobWire,
            responses=documented(404, 422),
            summary="Lift the hold of a job",
        )
        return routes

    async def hold(self, job_id: str) -> JobWire:
        """No launcher gets it until the hold is lifted; it keeps its place, and can be stopped. Again is harmless."""
        return await self.store.write(lambda tx: _shown(tx, hold_job(tx, JobId(job_id))))

    async def lift(self, job_id: str) -> JobWire:
        """It waits for its time or a launcher as before; a job that is not held stays as it is."""
        return await self.store.write(lambda tx: _shown(tx, lift_hold(tx, JobId(job_id))))


def _shown(tx: Transaction, job: Job) -> JobWire:
    return job_wire(job, explain_waiting(tx, [job]).get(job.id), tx.jobs.prompt(job.id))
