"""`GET /events/stream`: what happens, as it happens."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from agent_runtime.domain.errors import Invalid
from agent_runtime.http.errors import documented, short
from agent_runtime.http.live import LiveStream, Wanted
from agent_runtime.http.stream_answer import StreamAnswer
from agent_runtime.http.wire import SEQ_MAX, split_words
from agent_runtime.services.ports import Store
from agent_runtime.services.sessions import find_session


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
        session: Annotated[str | None, Query(max_length=80, description="only this session's, by name or id")] = None,
        tree: Annotated[str | None, Query(max_length=80, description="only this session's whole tree")] = None,
        types: Annotated[str | None, Query(max_length=2000, description="only these, with commas between")] = None,
        after: Annotated[int | None, Query(ge=0, le=SEQ_MAX, description="begin behind this event")] = None,
        last_event_id: Annotated[str | None, Header(description="what a browser sends when it connects again")] = None,
    ) -> Response:
        """Server-sent events: `id` is the sequence number, `data` the event.

        An event named `gap` says that those asked for are gone: read again, and go on from its id.
        """
        root = None
        if tree is not None:
            root = (await self.store.read(lambda tx: find_session(tx, tree))).root_session_id
        wanted = Wanted(session, root, frozenset(split_words(types)))
        return StreamAnswer(self.live.watch(wanted, _place(last_event_id, after)))


def _place(last_event_id: str | None, after: int | None) -> int | None:
    if not last_event_id:
        return after
    if last_event_id.isascii() and last_event_id.isdigit() and int(last_event_id[:20]) <= SEQ_MAX:
        return int(last_event_id[:20])
    raise Invalid(
        "invalid_parameters",
        f"invalid header: 'Last-Event-ID': a sequence number is expected, found '{short(last_event_id, 40)}'",
    )
