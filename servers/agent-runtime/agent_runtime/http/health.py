"""Whether the runtime works, and with what."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel

from agent_runtime.domain.errors import Unavailable
from agent_runtime.services.overview import count_alive_launchers
from agent_runtime.services.ports.store import Store


class DatabaseHealth(BaseModel):
    """Where the jobs are kept."""

    engine: str
    version: str
    path: str | None = None


class Health(BaseModel):
    """What `GET /health` answers."""

    status: str
    version: str
    database: DatabaseHealth
    uptime_seconds: float
    launchers_alive: int


@dataclass(frozen=True)
class HealthRoutes:
    """`/health`, which asks the database, so that a runtime without one does not call itself well.

    Shape:   `trouble` tells why nothing can be written at the moment, if that is so: reading may go on all the same.
    """

    store: Store
    trouble: Callable[[], str | None]
    version: str
    database: DatabaseHealth
    started: float

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["health"])
        routes.add_api_route("/health", self.health, methods=["GET"], summary="Tell whether the runtime works")
        return routes

    async def health(self) -> Health:
        """Needs no token and tells nothing of what runs here."""
        if (trouble := self.trouble()) is not None:
            raise Unavailable("database_unavailable", trouble)
        return Health(
            status="ok",
            version=self.version,
            database=self.database,
            uptime_seconds=round(time.monotonic() - self.started, 3),
            launchers_alive=await self.store.read(count_alive_launchers),
        )
