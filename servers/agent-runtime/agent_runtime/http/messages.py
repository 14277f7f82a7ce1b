"""`/sessions/{session}/messages`: what was said to a session."""

from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel

from agent_runtime.domain.ids import JobId
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import WireTime
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.services.ports.store import Store
from agent_runtime.services.sessions.messages import Message, MessageState, list_messages
from agent_runtime.services.sessions.sessions import find_session


class MessageWire(BaseModel):
    """A message to a session.

    `accepted` is on disk, `delivered` is with the agent, `consumed` was answered; `failed` and `withdrawn` were not.
    """

    job_id: str
    state: MessageState
    prompt_preview: str
    sender: str
    is_editable: bool
    reason: str | None
    accepted_at: WireTime
    delivered_at: WireTime | None
    consumed_at: WireTime | None

    @classmethod
    def of(cls, message: Message) -> "MessageWire":
        """Show a message."""
        job = message.job
        is_consumed = message.state is MessageState.CONSUMED
        return cls(
            job_id=job.id,
            state=message.state,
            prompt_preview=job.prompt_preview,
            sender="runtime" if message.is_news else job.parent_session_name or "user",
            is_editable=message.is_editable,
            reason=job.reason,
            accepted_at=job.created_at,
            delivered_at=job.started_at,
            consumed_at=job.ended_at if is_consumed else None,
        )


class MessageList(BaseModel):
    """One page of messages, newest first; `next_cursor` is null on the last one."""

    messages: list[MessageWire]
    next_cursor: str | None = None


@dataclass(frozen=True)
class MessageRoutes:
    """The messages of a session; what waits of them is changed and taken back as a job."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["messages"])
        routes.add_api_route(
            "/sessions/{session}/messages",
            self.list,
            methods=["GET"],
            response_model=MessageList,
            responses=documented(404, 422),
            summary="List what was said to a session, newest first",
        )
        return routes

    async def list(self, session: SessionReference, limit: PageSize = PAGE_SIZE, cursor: Cursor = None) -> MessageList:
        """Those that wait are delivered in the order in which they were accepted."""
        mark = read_cursor(cursor)
        before = JobId(mark) if mark is not None else None
        found = await self.store.read(lambda tx: list_messages(tx, find_session(tx, session), limit + 1, before))
        shown, following = page_of(found, limit, lambda one: one.job.id)
        return MessageList(messages=[MessageWire.of(one) for one in shown], next_cursor=following)
