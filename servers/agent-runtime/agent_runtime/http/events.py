"""The events of one session: append them, read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

from agent_runtime.domain.event import SESSION_EVENT_TYPES
from agent_runtime.domain.ids import JobId
from agent_runtime.http.door.rules import EVENT_BYTES_MAX
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import HttpProblem, documented
from agent_runtime.http.wire.fields import SEQ_MAX, EventWire, GivenTime, NotBool, split_words
from agent_runtime.http.wire.pages import PAGE_SIZE, PageSize
from agent_runtime.services.access.callers import Caller
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.events import Appended, GivenEvent, append_events, read_events, read_events_before
from agent_runtime.services.sessions.sessions import change_metadata, find_session, sayable
from agent_runtime.services.sessions.telling import refuse_beyond_turn

BATCH_MAX = 1000
_ATTEMPT_MAX = 2**31 - 1


class EventBody(BaseModel):
    """One event, as an agent's host tells it; the same `client_event_id` is written once only."""

    model_config = ConfigDict(extra="ignore")

    # The verb refuses other words, with a sentence that lists these.
    type: Annotated[str, Field(min_length=1, max_length=64, json_schema_extra={"enum": sorted(SESSION_EVENT_TYPES)})]
    data: dict[str, JsonValue] = {}
    client_event_id: Annotated[str | None, Field(pattern=r"^[!-~]{1,80}$")] = None
    at: GivenTime | None = None
    job_id: Annotated[str | None, Field(pattern=r"^job_[0-9a-z]{26}$")] = None
    attempt: NotBool[Annotated[int, Field(ge=0, le=_ATTEMPT_MAX)]] | None = None

    def as_given(self, size: int) -> GivenEvent:
        """Translate it for the verbs."""
        return GivenEvent(
            type=self.type,
            data=self.data,
            at=self.at,
            client_event_id=self.client_event_id,
            job_id=JobId(self.job_id) if self.job_id is not None else None,
            attempt=self.attempt,
            size=size,
        )


class EventBatchBody(BaseModel):
    """Several events, in their order; `metadata` is set with them, as `PATCH /sessions/{session}/metadata` would."""

    model_config = ConfigDict(extra="ignore")

    events: Annotated[list[EventBody], Field(min_length=1, max_length=BATCH_MAX)]
    metadata: dict[str, JsonValue] = {}


def _kind(body: object) -> str:
    return "batch" if isinstance(body, EventBatchBody) or (isinstance(body, dict) and "events" in body) else "event"


GivenBody = Annotated[
    Annotated[EventBatchBody, Tag("batch")] | Annotated[EventBody, Tag("event")], Body(), Discriminator(_kind)
]
"""One event, or several."""


class AppendedWire(BaseModel):
    """Where an event stands; `duplicate` if it stood there before."""

    seq: int
    client_event_id: str | None
    duplicate: bool


class AppendedAnswer(BaseModel):
    """The events that were given, in their order, and whether metadata was given with them and set."""

    events: list[AppendedWire]
    metadata_set: bool = False


class EventList(BaseModel):
    """One page of events; `next_cursor` is what `after` must be for the next one, null if there is none yet.

    With `before` the pages go backwards, and `next_cursor` is what `before` must be. `gap_through` is the last of
    the session's events that retention has removed in the direction that is read, null if there is none.
    """

    events: list[EventWire]
    next_cursor: str | None = None
    gap_through: int | None = None


@dataclass(frozen=True)
class EventRoutes:
    """`/sessions/{session}/events`."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["events"])
        path = "/sessions/{session}/events"
        routes.add_api_route(
            path, self.read, methods=["GET"], summary="Read a session's events in order", responses=documented(404, 422)
        )
        routes.add_api_route(
            path,
            self.append,
            methods=["POST"],
            summary="Append one event or a batch, each once only",
            responses=documented(404, 422, body=True),
        )
        return routes

    async def read(
        self,
        session: SessionReference,
        after: Annotated[int, Query(ge=0, le=SEQ_MAX, description="only those behind this one")] = 0,
        before: Annotated[int | None, Query(ge=0, le=SEQ_MAX, description="the last ones ahead of this one")] = None,
        limit: PageSize = PAGE_SIZE,
        types: Annotated[str | None, Query(max_length=2000, description="only these, with commas between")] = None,
    ) -> EventList:
        """Oldest first, also in a page that is read backwards; `after` is not looked at when there is a `before`."""
        words = [word for word in split_words(types) if "\0" not in word]
        if before is not None:
            return await self._backwards(session, before, limit, words)
        page, gone = await self.store.read(
            lambda tx: read_events(tx, find_session(tx, session), after, limit + 1, words)
        )
        shown = [EventWire.of(event) for event in page[:limit]]
        cursor = str(shown[-1].seq) if len(page) > limit else None
        return EventList(events=shown, next_cursor=cursor, gap_through=gone)

    async def _backwards(self, session: str, before: int, limit: int, types: list[str]) -> EventList:
        page, gone = await self.store.read(
            lambda tx: read_events_before(tx, find_session(tx, session), before, limit + 1, types)
        )
        shown = [EventWire.of(event) for event in page[-limit:]]
        cursor = str(shown[0].seq) if len(page) > limit else None
        return EventList(events=shown, next_cursor=cursor, gap_through=gone)

    async def append(self, session: SessionReference, body: GivenBody, request: Request) -> AppendedAnswer:
        """The answer means that they are on disk; sending them again is harmless.

        Of one attempt a limited number of bytes is taken (413 `turn_too_large`); its result always finds room.
        """
        bodies, metadata = (body.events, body.metadata) if isinstance(body, EventBatchBody) else ([body], {})
        given = [event.as_given(size) for event, size in zip(bodies, _sizes(bodies), strict=True)]
        caller: Caller = request.state.caller

        def verb(tx: Transaction) -> Sequence[Appended]:
            found = find_session(tx, session)
            if metadata:
                change_metadata(tx, found, sayable(caller, found, metadata))
            appended = append_events(tx, found, given)
            refuse_beyond_turn(tx, caller, given, appended)
            return appended

        appended = await self.store.write(verb)
        return AppendedAnswer(
            events=[
                AppendedWire(seq=one.event.seq, client_event_id=one.event.new.client_event_id, duplicate=one.duplicate)
                for one in appended
            ],
            metadata_set=bool(metadata),
        )


def _sizes(bodies: list[EventBody]) -> list[int]:
    sizes = [len(event.model_dump_json().encode()) for event in bodies]
    for number, size in enumerate(sizes):
        if size > EVENT_BYTES_MAX:
            raise HttpProblem(
                413, "too_large", f"event {number} has {size} bytes: an event may have at most {EVENT_BYTES_MAX}"
            )
    return sizes
