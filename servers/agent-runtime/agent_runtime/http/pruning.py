"""`POST /prune`: let go of what is old now, instead of within the hour."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import NotBool
from agent_runtime.services.ports.store import Store
from agent_runtime.services.retention import Retention, prune


class PruneBody(BaseModel):
    """What is to go; what is left out is not looked at."""

    model_config = ConfigDict(extra="forbid")

    older_than_days: NotBool[Annotated[float, Field(ge=2, le=36500)]] | None = None
    larger_than_bytes: NotBool[Annotated[int, Field(ge=0, le=10**18)]] | None = None


class PruneAnswer(BaseModel):
    """How much has gone.

    `bytes_too_many` is by how much the database still holds more than it should: what is left may not go.
    """

    jobs: int
    outputs: int
    events: int
    callbacks: int
    launchers: int
    lanes: int
    bytes_too_many: int


@dataclass(frozen=True)
class PruneRoutes:
    """The upkeep that a person may ask for."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["upkeep"])
        routes.add_api_route(
            "/prune",
            self.prune,
            methods=["POST"],
            summary="Remove what is over and old",
            responses=documented(422, body=True),
        )
        return routes

    async def prune(self, body: PruneBody) -> PruneAnswer:
        """Never of work that is not over, and never a session itself."""
        age = timedelta(days=body.older_than_days) if body.older_than_days is not None else None
        removed = await prune(self.store, Retention(age, body.larger_than_bytes))
        return PruneAnswer(**vars(removed))
