"""`GET /overview`: what the pictures on the page are drawn from."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import WireTime
from agent_runtime.services.overview import Window, draw_overview
from agent_runtime.services.ports.store import Store


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ThroughputWire(_Shown):
    """How many jobs ended in a stretch of time that begins at `at`."""

    at: WireTime
    completed: int
    failed: int
    stopped: int


class WaitingWire(_Shown):
    """How long jobs that began in a stretch of time had waited."""

    at: WireTime
    p50_seconds: float
    p95_seconds: float


class AgentDayWire(_Shown):
    """What an agent's jobs of one day (in UTC) cost; input tokens include those from and to the cache."""

    day: date
    agent_name: str
    cost_usd: float
    input_tokens: int
    output_tokens: int
    jobs: int


class JobLifeWire(_Shown):
    """When a job was made, put into the queue (again, if it was retried), taken, begun and ended, where, and why so."""

    job_id: str
    session_name: str
    agent_name: str
    launcher_id: str | None
    status: str
    created_at: WireTime
    queued_at: WireTime
    claimed_at: WireTime | None
    started_at: WireTime | None
    ended_at: WireTime | None
    run_seconds: float | None
    reason: str | None


class TreeCostWire(_Shown):
    """What all sessions of a tree cost; `session_name` is the one at its top."""

    session_name: str
    cost_usd: float
    jobs: int


class OverviewAnswer(BaseModel):
    """Stretches of time in which nothing happened are left out; `truncated` if only the newest jobs are in it."""

    window: Window
    since_at: WireTime
    until_at: WireTime
    bucket_seconds: float
    truncated: bool
    throughput: list[ThroughputWire]
    waiting: list[WaitingWire]
    cost_by_agent_day: list[AgentDayWire]
    cost_by_tree: list[TreeCostWire]
    jobs_timeline: list[JobLifeWire]


@dataclass(frozen=True)
class OverviewRoutes:
    """`/overview`."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["overview"])
        routes.add_api_route(
            "/overview",
            self.overview,
            methods=["GET"],
            summary="Tell who ran when, how long jobs waited, what agents cost",
            responses=documented(422),
        )
        return routes

    async def overview(
        self, window: Annotated[Window, Query(description="how far back to look")] = Window.HOUR
    ) -> OverviewAnswer:
        """The costs are those of the last 14 days, whatever the window."""
        found = await self.store.read(lambda tx: draw_overview(tx, window))
        return OverviewAnswer(
            window=window,
            since_at=found.since_at,
            until_at=found.until_at,
            bucket_seconds=found.bucket_seconds,
            truncated=found.truncated,
            throughput=[ThroughputWire.model_validate(one) for one in found.throughput],
            waiting=[WaitingWire.model_validate(one) for one in found.waiting],
            cost_by_agent_day=[AgentDayWire.model_validate(one) for one in found.costs],
            cost_by_tree=[TreeCostWire.model_validate(one) for one in found.trees],
            jobs_timeline=[
                JobLifeWire(
                    job_id=life.id,
                    session_name=life.session_name,
                    agent_name=life.agent_name,
                    launcher_id=life.launcher_id,
                    status=life.status,
                    created_at=life.created_at,
                    queued_at=life.queued_at,
                    claimed_at=life.claimed_at,
                    started_at=life.started_at,
                    ended_at=life.ended_at,
                    run_seconds=life.run_seconds,
                    reason=life.reason,
                )
                for life in found.lives
            ],
        )
