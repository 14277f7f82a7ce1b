"""`GET /events/stream`: what happens, as it happens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from agent_runtime.domain.errors import Invalid, Unavailable
from agent_runtime.http.stream.answer import StreamAnswer
from agent_runtime.http.stream.live import HEARTBEAT_SECONDS, Family, LiveStream, Wanted
from agent_runtime.http.wire.answers import HttpProblem, documented, short
from agent_runtime.http.wire.fields import SEQ_MAX, split_words
from agent_runtime.services.access.callers import Caller, Role
from agent_runtime.services.overview import event_bounds
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.sessions import descendants, find_own_session

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamRoutes:
    """The event stream."""

    store: Store
    live: LiveStream

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["events"])
        routes.add_api_route(
            "/events/stream",
            self.stream,
            methods=["GET"],
            response_class=StreamAnswer,
            status_code=200,
            summary="Watch everything that happens",
            responses=documented(404, 422),
        )
        return routes

    async def stream(
        self,
        request: Request,
        session: Annotated[str | None, Query(max_length=80, description="only this session's, by name or id")] = None,
        tree: Annotated[str | None, Query(max_length=80, description="only this session's whole tree")] = None,
        types: Annotated[str | None, Query(max_length=2000, description="only these, with commas between")] = None,
        after: Annotated[int | None, Query(ge=0, le=SEQ_MAX, description="begin behind this event")] = None,
        last_event_id: Annotated[str | None, Header(description="what a browser sends when it connects again")] = None,
    ) -> Response:
        """Server-sent events: `id` is the sequence number, `data` the event.

        An event named `gap` says that those asked for are gone: read again, and go on from its id. A running agent sees
        its own session and what it started.
        """
        place = _place(last_event_id, after)
        state = request.state
        seen, newest = await self.store.read(lambda tx: _seen(tx, state.caller, tree))
        if seen.family is not None and place is None:
            # From where its family was read: who is born from then on is heard of.
            place = newest
        wanted = replace(seen, session=session, types=frozenset(split_words(types)))
        return StreamAnswer(while_admitted(self.live.watch(wanted, place), state.ask_again))


def _seen(tx: Transaction, caller: Caller, tree: str | None) -> tuple[Wanted, int]:
    root = find_own_session(tx, caller, tree).root_session_id if tree is not None else None
    newest = event_bounds(tx).newest
    if caller.role is not Role.SESSION:
        return Wanted(root_session_id=root), newest
    own = tx.sessions.get(caller.session_id) if caller.session_id is not None else None
    members = [own, *descendants(tx, own)] if own is not None else []
    return Wanted(root_session_id=root, family=Family(member.id for member in members)), newest


async def while_admitted(
    parts: AsyncGenerator[bytes], ask_again: Callable[[], Awaitable[object]], every_seconds: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[bytes]:
    """Pass a stream on for as long as its caller's token is good: it may be revoked, or its attempt may end."""
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    async with aclosing(parts):
        async for part in parts:
            if loop.time() - asked_at >= every_seconds:
                try:
                    await ask_again()
                except HttpProblem:
                    return
                except Unavailable:
                    log.debug("a watcher's token cannot be looked up at the moment")
                asked_at = loop.time()
            yield part


def _place(last_event_id: str | None, after: int | None) -> int | None:
    if not last_event_id:
        return after
    if last_event_id.isascii() and last_event_id.isdigit() and int(last_event_id[:20]) <= SEQ_MAX:
        return int(last_event_id[:20])
    raise Invalid(
        "invalid_parameters",
        f"invalid header: 'Last-Event-ID': a sequence number is expected, found '{short(last_event_id, 40)}'",
    )
