"""`/holds`: the accounts whose limit is used up, and what a person does about them."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from agent_runtime.domain.quota_hold import HoldId, HoldState, QuotaHold
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.fields import GivenTime, WireTime
from agent_runtime.services.jobs.quota_holds import (
    LIFTED_BY_USER,
    extend_hold,
    get_hold,
    jobs_held,
    lift_hold,
    sentence_of,
)
from agent_runtime.services.ports.store import Store, Transaction


class HoldWire(BaseModel):
    """An account whose limit is used up, so that nothing is sent there.

    `model` is null for all models, and empty for the one that is used where an agent names none; `until` is when the
    limit should be over, and `said` what the client said. From then on the state is `trying`: one job at a time goes
    through (`probe_job_id`), and the first that is answered lifts the hold. `jobs` wait for limits alone, and
    would go on if this one ended.
    """

    hold_id: str
    account: str
    backend: str
    model: str | None
    limit: str
    state: HoldState
    until: WireTime
    detail: str
    said: str | None
    jobs: int
    refusals: int
    made_by_job_id: str
    probe_job_id: str | None
    made_at: WireTime
    lifted_at: WireTime | None
    lifted_by: str | None


class HoldList(BaseModel):
    """The holds that are not lifted, oldest first."""

    holds: list[HoldWire]


class ExtendBody(BaseModel):
    """Until when nothing is to be tried."""

    model_config = ConfigDict(extra="forbid")

    until: GivenTime


@dataclass(frozen=True)
class HoldRoutes:
    """`/holds` and what hangs under it."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["holds"])
        add, one = routes.add_api_route, "/holds/{hold_id}"
        add(
            "/holds",
            self.list,
            methods=["GET"],
            response_model=HoldList,
            responses=documented(422),
            summary="List the accounts whose limit is used up",
        )
        add(
            one,
            self.extend,
            methods=["PATCH"],
            response_model=HoldWire,
            responses=documented(404, 409, 422, body=True),
            summary="Hold until another time",
        )
        add(
            one,
            self.lift,
            methods=["DELETE"],
            response_model=HoldWire,
            responses=documented(404, 422),
            summary="Lift a hold: all that waits for it goes on",
        )
        return routes

    async def list(self) -> Response:
        """Those that were lifted are told by the events `quota.lifted`."""

        def read(tx: Transaction) -> HoldList:
            return HoldList(holds=[_wire(tx, hold) for hold in tx.quota.open()])

        return answer(await self.store.read(read))

    async def extend(self, hold_id: str, body: ExtendBody) -> Response:
        """Earlier or later than was told; what tries the limit already goes on."""
        until: datetime = body.until
        return answer(await self.store.write(lambda tx: _wire(tx, extend_hold(tx, HoldId(hold_id), until))))

    async def lift(self, hold_id: str) -> Response:
        """If the limit is not over, the first job that is refused makes a new hold; again is harmless."""

        def lift(tx: Transaction) -> HoldWire:
            return _wire(tx, lift_hold(tx, get_hold(tx, HoldId(hold_id)), LIFTED_BY_USER))

        return answer(await self.store.write(lift))


def _wire(tx: Transaction, hold: QuotaHold) -> HoldWire:
    jobs = jobs_held(tx, hold) if hold.state is not HoldState.LIFTED else 0
    return HoldWire(
        hold_id=hold.id,
        account=hold.account,
        backend=hold.backend,
        model=hold.model,
        limit=hold.limit_name,
        state=hold.state,
        until=hold.until,
        detail=sentence_of(hold, jobs),
        said=hold.said,
        jobs=jobs,
        refusals=hold.refusals,
        made_by_job_id=hold.made_by_job_id,
        probe_job_id=hold.probe_job_id,
        made_at=hold.made_at,
        lifted_at=hold.lifted_at,
        lifted_by=hold.lifted_by,
    )
