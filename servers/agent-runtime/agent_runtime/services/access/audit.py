"""The audit: who did what, from where. It is written in batches, behind the answers."""

import asyncio
import contextlib
import logging
from collections import deque
from datetime import UTC, datetime

from agent_runtime.domain.errors import Unavailable
from agent_runtime.services.access.callers import Caller
from agent_runtime.services.ports.access import AuditEntry
from agent_runtime.services.ports.store import Store

log = logging.getLogger(__name__)

STRANGERS_PER_MINUTE = 600
"""Refusals of strangers that are written: more of them say nothing more, and would fill the disk."""
_WAITING_MAX = 50_000
_BATCH = 500
_AGAIN_SECONDS = 1.0
_GATHER_SECONDS = 0.1
_LEAVE_SECONDS = 3.0


class AuditTrail:
    """Gathers what was done and writes it; what is waiting is written before the runtime leaves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[AuditEntry] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._minute, self._strangers = 0, 0
        self._lost = 0

    def note(self, caller: Caller | None, address: str, action: str, target: str, status: int) -> None:
        """Note one deed; it is written within moments."""
        now = datetime.now(UTC)
        if caller is None and not self._has_room_for_a_stranger(now):
            return
        if len(self._waiting) >= _WAITING_MAX:
            self._lost += 1  # Said once it is over: a line for each would fill the disk that is full already.
            return
        role, name = (str(caller.role), caller.name) if caller is not None else (None, "unknown")
        self._waiting.append(AuditEntry(0, now, role, name, address, action, target, status))
        self._news.set()

    def start(self) -> None:
        """Begin to write."""
        if self._task is None:
            self._task = asyncio.create_task(self._write_for_ever(), name="audit")

    async def stop(self) -> None:
        """Write what is left, and end; again is harmless."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        writing = asyncio.ensure_future(self._write_what_is_left(task))
        await asyncio.wait({writing}, timeout=_LEAVE_SECONDS)
        if not writing.done():
            writing.cancel()
            log.error("the audit is left unwritten", extra={"cause": "the database takes too long"})
        self._lost += len(self._waiting)
        self._tell_of_lost()

    async def _write_what_is_left(self, task: "asyncio.Task[None]") -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
            while self._waiting:
                await self._write()
        except Unavailable as error:
            log.error("the audit is left unwritten", extra={"cause": str(error)})  # noqa: TRY400 - the trace says no more

    def _tell_of_lost(self) -> None:
        if self._lost:
            log.error("entries of the audit are lost", extra={"lost_entries": self._lost})
            self._lost = 0

    def _has_room_for_a_stranger(self, now: datetime) -> bool:
        minute = int(now.timestamp()) // 60
        if minute != self._minute:
            self._minute, self._strangers = minute, 0
        self._strangers += 1
        return self._strangers <= STRANGERS_PER_MINUTE

    async def _write_for_ever(self) -> None:
        while True:
            await self._news.wait()
            # What came together is written together: a commit for each would stand in the way of the jobs' own.
            await asyncio.sleep(_GATHER_SECONDS)
            self._news.clear()
            try:
                while self._waiting:
                    await self._write()
                self._tell_of_lost()
            except Unavailable:  # The store has said so, once for everybody.
                self._news.set()
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                log.exception("the audit cannot be written at the moment")
                self._news.set()
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _write(self) -> None:
        batch = [self._waiting[place] for place in range(min(_BATCH, len(self._waiting)))]
        # Once begun it is seen through, or a stop in the middle would write the batch twice.
        writing = asyncio.ensure_future(self._store.write(lambda tx: tx.access.record(batch)))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing
            self._forget(len(batch))
            raise
        self._forget(len(batch))

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
