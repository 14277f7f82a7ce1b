"""Hundreds of watchers: each sees everything, and none of the others' calls waits until all have been told."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar, cast

from agent_runtime.domain.event import Event, NewEvent
from agent_runtime.http.stream.live import LiveStream, Wanted
from agent_runtime.services.overview import EventBounds
from agent_runtime.services.ports.store import Announcement, Store, Transaction
from support.waiting import until

T = TypeVar("T")
WATCHERS = 300


class EmptyStore:
    """A store in which nothing has happened yet."""

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        """Nothing is written here."""
        raise AssertionError(f"a stream never writes: {verb}")

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        """The bounds of no events."""
        assert callable(verb)
        return cast("T", EventBounds(0, 0, 0))


def announcement(seq: int) -> Announcement:
    """A commit of one event."""
    return Announcement(events=[Event(seq, NewEvent("message", datetime(2026, 1, 1, tzinfo=UTC), {}))])


async def listen(live: LiveStream, heard: list[bytes]) -> None:
    """Read a stream, and note each part as it comes."""
    async for part in live.watch(Wanted(), None):
        heard.append(part)  # noqa: PERF401 - others look at the list meanwhile


def test_news_reaches_every_watcher_a_few_at_a_time() -> None:
    """A call that comes while hundreds are told is served between them."""

    async def scene() -> tuple[int, list[list[bytes]]]:
        live = LiveStream(cast("Store", EmptyStore()))
        heard: list[list[bytes]] = [[] for _ in range(WATCHERS)]
        watchers = [asyncio.create_task(listen(live, one)) for one in heard]
        await until(lambda: all(heard), "everybody watches")
        for _ in range(3):
            await asyncio.sleep(0)

        live.announce(announcement(1))
        await until(lambda: any(len(one) > 1 for one in heard), "somebody was told")
        told_at_first = sum(len(one) > 1 for one in heard)
        live.announce(announcement(2))
        await until(lambda: all(b"id: 2" in b"".join(one) for one in heard), "everybody was told")
        live.end()
        await asyncio.gather(*watchers)
        return told_at_first, heard

    told_at_first, heard = asyncio.run(scene())

    assert told_at_first < WATCHERS
    for one in heard:
        said = b"".join(one)
        assert [said.count(b"id: 1\n"), said.count(b"id: 2\n")] == [1, 1]
