"""`GET /metrics`: the runtime in numbers, as monitoring systems read it."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Response

from agent_runtime.http.wire.answers import documented
from agent_runtime.services.numbers import Numbers, read_numbers
from agent_runtime.services.ports.store import Store

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class MetricRoutes:
    """`/metrics`; `write` puts the numbers of the moment, and what was counted so far, into the format."""

    store: Store
    write: Callable[[Numbers], bytes]

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["metrics"])
        routes.add_api_route(
            "/metrics",
            self.metrics,
            methods=["GET"],
            summary="Tell the runtime's numbers in the OpenMetrics form",
            response_class=Response,
            responses={
                **documented(),
                200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}, "description": "All."},
            },
        )
        return routes

    async def metrics(self) -> Response:
        """Counters begin at zero when the runtime begins; gauges are read from the database for this answer."""
        numbers = await self.store.read(read_numbers)
        return Response(self.write(numbers), media_type=CONTENT_TYPE)
