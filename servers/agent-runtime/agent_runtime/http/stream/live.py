"""The event stream: everything that happens, to everybody who watches, without slowing what happens.

The newest events are kept once, already encoded, for all watchers together; each watcher is only a place in
that row. Who falls behind it reads on from the database, so no watcher ever costs memory. News is passed on
at once to the first who wait, and then to a few at a time with pauses between them: a call that comes meanwhile
waits for a few watchers to be served, and not for hundreds.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from itertools import islice

from agent_runtime.domain.event import Event
from agent_runtime.domain.ids import SessionId
from agent_runtime.http.wire.fields import EventWire
from agent_runtime.services.overview import event_bounds
from agent_runtime.services.ports.store import Announcement, Store

HEARTBEAT_SECONDS = 15.0
_KEPT_BYTES_MAX = 16 * 1024 * 1024
_KEPT_EVENTS_MAX = 8192
_BATCH_BYTES_MAX = 256 * 1024
_PAGE = 50
_GROUPS_MAX = 50
_PAUSE_SECONDS_PER_WATCHER = 0.001
_PAUSE_SECONDS_MAX = 0.4 / _GROUPS_MAX
_OPENING = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"


class Family:
    """A session and its descendants, which grow in number while they are watched."""

    def __init__(self, members: Iterable[SessionId]) -> None:
        self._members = set(members)

    def takes(self, event: Event) -> bool:
        """Tell whether an event is of one of them; events come in their order, so a birth comes first."""
        new = event.new
        if new.session_id is None:
            return False
        if new.type == "session.created" and new.data.get("parent_session_id") in self._members:
            self._members.add(new.session_id)
        return new.session_id in self._members


@dataclass(frozen=True)
class Wanted:
    """Which events a watcher asked for, and may see; what is None or empty does not narrow."""

    session: str | None = None
    root_session_id: SessionId | None = None
    types: frozenset[str] = frozenset()
    family: Family | None = None

    def takes(self, event: Event) -> bool:
        """Tell whether this event was asked for."""
        new = event.new
        # First, for it must hear of each birth, also when births were not asked for.
        if self.family is not None and not self.family.takes(event):
            return False
        if self.types and new.type not in self.types:
            return False
        if self.root_session_id is not None and new.root_session_id != self.root_session_id:
            return False
        return self.session is None or self.session in (new.session_id, new.session_name)


@dataclass(frozen=True)
class _Kept:
    event: Event
    encoded: bytes


class _NewestEvents:
    """The newest events without a hole between them, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._events: list[_Kept] = []
        self._bytes = 0

    def add(self, event: Event) -> None:
        kept = _Kept(event, encode(event))
        self._events.append(kept)
        self._bytes += len(kept.encoded)
        if self._bytes > _KEPT_BYTES_MAX or len(self._events) > _KEPT_EVENTS_MAX:
            # Half at a time: letting go of one for each new one would move the whole row each time.
            self._events = self._events[len(self._events) // 2 + 1 :]
            self._bytes = sum(len(kept.encoded) for kept in self._events)

    def clear(self) -> None:
        self._events.clear()
        self._bytes = 0

    def reach_back_to(self, place: int) -> bool:
        return bool(self._events) and self._events[0].event.seq <= place + 1

    def behind(self, place: int, wanted: Wanted) -> tuple[bytes, int]:
        batch: list[bytes] = []
        size = 0
        for kept in self._events[bisect_right(self._events, place, key=lambda kept: kept.event.seq) :]:
            place = kept.event.seq
            if wanted.takes(kept.event):
                batch.append(kept.encoded)
                size += len(kept.encoded)
                if size > _BATCH_BYTES_MAX:
                    break
        return b"".join(batch), place


class LiveStream:
    """Passes what is announced on to any number of watchers."""

    def __init__(self, store: Store, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._store = store
        self._heartbeat_seconds = heartbeat_seconds
        self._kept = _NewestEvents()
        self._newest = 0
        # Who waits, each with its place: those who have waited longest stand first and know least.
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._quiet_from = 0.0
        self._batches: dict[tuple[int, Wanted], tuple[bytes, int]] = {}
        self._watchers = 0
        self._ended = False

    def announce(self, announcement: Announcement) -> None:
        """Take the events of a commit; called in the order of the commits, in the loop's own thread."""
        if not announcement.events:
            return
        self._newest = announcement.events[-1].seq
        if self._watchers == 0:
            # Nobody looks: whoever comes later starts from the database, which has all of it.
            self._kept.clear()
            return
        for event in announcement.events:
            self._kept.add(event)
        self._batches.clear()
        if self._waiting and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(self._quiet_from, self._wake_some)

    def end(self) -> None:
        """End every stream now, and each later one at its start."""
        self._ended = True
        for waiting in self._waiting:
            waiting.set_result(None)
        self._waiting.clear()

    async def watch(self, wanted: Wanted, after: int | None) -> AsyncGenerator[bytes]:
        """Give the stream of one watcher, from behind `after` or from now on.

        Shape:   server-sent events; an event `gap` when those behind `after` are gone, with the newest
                 sequence number as its id: the watcher reads everything again and goes on from there.
        """
        loop = asyncio.get_running_loop()
        self._watchers += 1
        try:
            place, told, opening = await self._begin(after)
            yield opening
            spoke_at = loop.time()
            while not self._ended:
                batch, reached = await self._next(wanted, place, told)
                if not batch and loop.time() - spoke_at >= self._heartbeat_seconds:
                    batch = _HEARTBEAT
                if batch:
                    yield batch
                    spoke_at = loop.time()
                if reached == place:
                    await self._wait(reached, spoke_at + self._heartbeat_seconds)
                place = reached
        finally:
            self._watchers -= 1

    async def _begin(self, after: int | None) -> tuple[int, int, bytes]:
        """Give the place to begin at, up to where it is known what is gone, and what is said first."""
        there = await self._store.read(event_bounds)
        newest, gone = there.newest, there.gone_through
        if after is None:
            return newest, gone, _OPENING
        # Who asks for everything, from 0 on, is given what there is.
        if after > newest or 0 < after < max(gone, there.oldest - 1):
            return newest, gone, _OPENING + _gap(after, there.oldest, newest)
        return after, gone, _OPENING

    async def _next(self, wanted: Wanted, place: int, told: int) -> tuple[bytes, int]:
        """Give the next events behind a place, and the place that is reached with them.

        Shape:   `told` is up to where it is known what is gone.
        """
        if self._kept.reach_back_to(place):
            # Most watchers stand at the same place and want the same: what one gets is made once for all of them.
            batch = self._batches.get((place, wanted))
            if batch is None:
                batch = self._batches[(place, wanted)] = self._kept.behind(place, wanted)
            return batch
        return await self._from_database(wanted, place, told) if place < self._newest else (b"", place)

    async def _from_database(self, wanted: Wanted, place: int, told: int) -> tuple[bytes, int]:
        newest_before = self._newest
        page, gone = await self._store.read(lambda tx: (tx.events.after(place, _PAGE), tx.events.gone_through()))
        if gone > max(place, told):
            newest = max(newest_before, gone)
            return _gap(place, page[0].seq if page else newest, newest), newest
        batch = b"".join(encode(event) for event in page if wanted.takes(event))
        if len(page) == _PAGE:
            return batch, page[-1].seq
        # What was announced before the reading began and was not found has been deleted since.
        return batch, max(newest_before, page[-1].seq if page else place)

    def _wake_some(self) -> None:
        """Wake the next few who do not know the newest, and come again for the rest after a pause."""
        self._alarm = None
        group = 1 + self._watchers // _GROUPS_MAX
        woken = [waiting for waiting, place in islice(self._waiting.items(), group) if place < self._newest]
        for waiting in woken:
            del self._waiting[waiting]
            waiting.set_result(None)
        loop = asyncio.get_running_loop()
        self._quiet_from = loop.time() + min(_PAUSE_SECONDS_MAX, len(woken) * _PAUSE_SECONDS_PER_WATCHER)
        if any(place < self._newest for place in islice(self._waiting.values(), 1)):
            self._alarm = loop.call_at(self._quiet_from, self._wake_some)

    async def _wait(self, place: int, until: float) -> None:
        if self._ended:
            return
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        self._waiting[news] = place
        try:
            await asyncio.wait((news,), timeout=max(0.0, until - loop.time()))
        finally:
            self._waiting.pop(news, None)


def _gap(after: int, oldest: int, newest: int) -> bytes:
    facts = f'{{"after":{after},"oldest_seq":{oldest},"newest_seq":{newest}}}'
    return f"id: {newest}\nevent: gap\ndata: {facts}\n\n".encode()


def encode(event: Event) -> bytes:
    """Write an event as one server-sent event."""
    return b"id: %d\ndata: %s\n\n" % (event.seq, EventWire.of(event).model_dump_json().encode())
