"""Those who wait for the output of a job, or for what a launcher was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent_runtime.domain.ids import InquiryId, JobId
from agent_runtime.services.ports.store import Announcement

T = TypeVar("T")
_ENDS = frozenset({"job.completed", "job.failed", "job.stopped", "job.requeued"})


class LogReaders:
    """Wakes who waits for an answer, or for a job's output: when some has come, or none will come any more."""

    def __init__(self) -> None:
        self._waiting: dict[JobId | InquiryId, set[asyncio.Event]] = {}
        self._ended = False

    def hear(self, announcement: Announcement) -> None:
        """Wake those whom a commit concerns."""
        if not self._waiting:
            return
        ended = [event.new.job_id for event in announcement.events if event.new.type in _ENDS]
        for of in (*announcement.logs, *ended):
            for waiter in self._waiting.get(of, ()) if of is not None else ():
                waiter.set()

    def end_all(self) -> None:
        """Let everybody answer with what there is, because the runtime leaves."""
        self._ended = True
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.set()

    async def until(
        self,
        of: JobId | InquiryId,
        read: Callable[[], Awaitable[T]],
        is_enough: Callable[[T], bool],
        wait_seconds: float,
    ) -> T:
        """Read until it is enough, or the time is over; then give what there is."""
        waiter = asyncio.Event()
        # It listens before it reads, so that nothing that comes in between is missed.
        self._waiting.setdefault(of, set()).add(waiter)
        deadline = asyncio.get_running_loop().time() + wait_seconds
        try:
            while True:
                waiter.clear()
                part = await read()
                if is_enough(part) or self._ended or not await _set_before(waiter, deadline):
                    return part
        finally:
            waiting = self._waiting[of]
            waiting.discard(waiter)
            if not waiting:
                del self._waiting[of]


async def _set_before(waiter: asyncio.Event, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            await waiter.wait()
    except TimeoutError:
        return False
    return True
