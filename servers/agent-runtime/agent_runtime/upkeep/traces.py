"""Tells a tracing system of each attempt that has ended; what it does not get to is lost, and holds nobody up."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from agent_runtime.domain.job import Job
from agent_runtime.domain.trace_of_job import trace_of
from agent_runtime.services.ports.families import Moved
from agent_runtime.services.ports.store import Store
from agent_runtime.traces.span import Span
from agent_runtime.traces.story import events_of, is_end, order_span, story, traceparent
from agent_runtime.upkeep.background import Background

WAITING_MAX = 10_000


class Sends(Protocol):
    """Who sends spans: traces.export.Exporter."""

    def is_sampled(self, trace: str) -> bool:
        """Tell whether a trace is one of those that are sent."""

    def send(self, span: Span) -> None:
        """Take one span."""

    def close(self) -> None:
        """Send what is left."""


class Traces(Background):
    """Hears of orders and of moves, and reads the story of what has ended when it has a moment."""

    def __init__(self, store: Store, exporter: Sends) -> None:
        super().__init__("traces")
        self._store = store
        self._exporter = exporter
        self._ended: deque[tuple[Moved, datetime]] = deque(maxlen=WAITING_MAX)
        self._is_there = asyncio.Event()

    def traceparent(self, job: Job) -> str:
        """Write what the attempt of a job hands to its agent."""
        return traceparent(job, is_sampled=self._exporter.is_sampled(trace_of(job.id)))

    def ordered(self, job: Job, caller: str | None) -> None:
        """Tell of an order that is on disk since this moment."""
        self._exporter.send(order_span(job, datetime.now(UTC), caller))

    def hear(self, moved: Sequence[Moved]) -> None:
        """Keep what a commit has ended, until it is told."""
        ended = [one for one in moved if is_end(one) and self._exporter.is_sampled(trace_of(one.after.id))]
        if ended:
            now = datetime.now(UTC)
            self._ended.extend((one, now) for one in ended)
            self._is_there.set()

    async def do_round(self) -> None:
        """Tell of all that has ended, and wait for more."""
        await self._is_there.wait()
        self._is_there.clear()
        await self._tell_all()

    async def stop(self) -> None:
        """Tell of what has ended, then end."""
        await super().stop()
        await self._tell_all()
        await asyncio.to_thread(self._exporter.close)

    async def _tell_all(self) -> None:
        while self._ended:
            moved, committed = self._ended.popleft()
            job = moved.before if moved.after.claimed_at is None else moved.after
            events = await self._store.read(lambda tx, job=job: events_of(tx, job))  # type: ignore[misc]
            for span in story(moved, events, committed):
                self._exporter.send(span)
