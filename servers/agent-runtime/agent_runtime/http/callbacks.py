"""The callbacks: who is told of whose end, and how far the news has got."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from agent_runtime.domain.callback import Callback, CallbackState, StateReason, why_pending
from agent_runtime.domain.ids import CallbackId, SessionId
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import CallbackPolicy
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import WireTime
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.services.families.callbacks import list_callbacks
from agent_runtime.services.ports.families import CallbackFilter
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.sessions import find_session


class CallbackWire(BaseModel):
    """The news of one child for its parent, and where it stands.

    `reason` says what it waits for, or why it is in its state; `outcome_reason` and `error` why the child failed.
    """

    callback_id: str
    parent_session_id: str
    parent_session_name: str
    child_session_id: str
    child_session_name: str
    job_id: str
    round: int
    policy: CallbackPolicy
    group: str | None
    state: CallbackState
    reason: StateReason | None
    outcome: SessionStatus | None
    outcome_reason: str | None
    error: str | None
    result_characters: int
    delivery_job_id: str | None
    created_at: WireTime
    rested_at: WireTime | None
    delivered_at: WireTime | None
    settled_at: WireTime | None

    @classmethod
    def of(cls, callback: Callback, reason: StateReason | None) -> "CallbackWire":
        """Show a callback."""
        return cls(
            callback_id=callback.id,
            parent_session_id=callback.parent_session_id,
            parent_session_name=callback.parent_session_name,
            child_session_id=callback.child_session_id,
            child_session_name=callback.child_session_name,
            job_id=callback.job_id,
            round=callback.round,
            policy=callback.policy,
            group=callback.group_name,
            state=callback.state,
            reason=reason,
            outcome=callback.outcome,
            outcome_reason=callback.reason,
            error=callback.error,
            result_characters=callback.result_characters,
            delivery_job_id=callback.delivery_job_id,
            created_at=callback.created_at,
            rested_at=callback.rested_at,
            delivered_at=callback.delivered_at,
            settled_at=callback.settled_at,
        )


class CallbackList(BaseModel):
    """One page of callbacks, newest first; `next_cursor` is null on the last one."""

    callbacks: list[CallbackWire]
    next_cursor: str | None = None


@dataclass(frozen=True)
class CallbackRoutes:
    """`/callbacks`, and those of one session."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["callbacks"])
        add = routes.add_api_route
        add(
            "/callbacks",
            self.list,
            methods=["GET"],
            response_model=CallbackList,
            responses=documented(404, 422),
            summary="List callbacks, newest first",
        )
        add(
            "/sessions/{session}/callbacks",
            self.of_session,
            methods=["GET"],
            response_model=CallbackList,
            responses=documented(404, 422),
            summary="List the news for a session, newest first",
        )
        return routes

    async def list(
        self,
        parent: Annotated[str | None, Query(max_length=80, description="only news for this session")] = None,
        child: Annotated[str | None, Query(max_length=80, description="only news of this session")] = None,
        state: Annotated[CallbackState | None, Query(description="only those in this state")] = None,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> CallbackList:
        """News of sessions that are gone is shown as long as one side of it exists."""
        before = read_cursor(cursor)

        def read(tx: Transaction) -> CallbackList:
            return _page(
                tx,
                CallbackFilter(
                    limit=limit + 1,
                    before=CallbackId(before) if before is not None else None,
                    parent_session_id=_id(tx, parent),
                    child_session_id=_id(tx, child),
                    state=state,
                ),
            )

        return await self.store.read(read)

    async def of_session(
        self,
        session: SessionReference,
        state: Annotated[CallbackState | None, Query(description="only those in this state")] = None,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> CallbackList:
        """What its children have to tell it, and what of it was told."""
        return await self.list(parent=session, state=state, limit=limit, cursor=cursor)


def _id(tx: Transaction, session: str | None) -> SessionId | None:
    return find_session(tx, session).id if session is not None else None


def _page(tx: Transaction, wanted: CallbackFilter) -> CallbackList:
    shown, following = page_of(list_callbacks(tx, wanted), wanted.limit - 1, lambda one: one.id)
    reasons = _explain(tx, shown)
    return CallbackList(
        callbacks=[CallbackWire.of(one, reasons.get(one.id, one.state_reason)) for one in shown], next_cursor=following
    )


def _explain(tx: Transaction, shown: Sequence[Callback]) -> dict[CallbackId, StateReason]:
    """Tell of each that is pending what it waits for."""
    reasons: dict[CallbackId, StateReason] = {}
    pending = [one for one in shown if one.state is CallbackState.PENDING]
    for parent_id in {one.parent_session_id for one in pending}:
        parent = tx.sessions.get(parent_id)
        unsettled = tx.relatives.callbacks.unsettled_of_parent(parent_id)
        siblings = [one for one in unsettled if one.state is CallbackState.PENDING]
        if parent is not None:
            reasons |= {one.id: why_pending(one, siblings, parent) for one in siblings}
    return reasons
