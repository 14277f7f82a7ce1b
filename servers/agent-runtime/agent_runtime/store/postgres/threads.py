"""A few threads that work on one database, for callers who do not wait for them for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar, cast

T = TypeVar("T")


class NotBegunError(Exception):
    """No thread became free in time: the work was not begun and never will be."""


class StillAtWorkError(Exception):
    """The work was begun and goes on without its caller."""


class BoundedThreads:
    """Threads, and in front of them only callers who still wait: nothing piles up behind work that does not end."""

    def __init__(self, name: str, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._free = asyncio.Semaphore(size)
        self._at_work: set[Future[object]] = set()

    async def do(self, work: Callable[[], T], begin_within: float, end_within: float) -> T:
        """Run the work in one of the threads.

        Units:   seconds, from the call and from the beginning of the work.
        Errors:  NotBegunError; StillAtWorkError; and what the work raises.
        """
        try:
            async with asyncio.timeout(begin_within):
                await self._free.acquire()
        except TimeoutError:
            raise NotBegunError("all connections are busy") from None
        begun = self._threads.submit(work)
        self._at_work.add(cast("Future[object]", begun))
        begun.add_done_callback(self._at_work.discard)
        at_work = asyncio.wrap_future(begun)
        at_work.add_done_callback(self._leave)
        # A caller who is cancelled does not cancel it either: the thread is not free before the work is over.
        await asyncio.wait({at_work}, timeout=end_within)
        if not at_work.done():
            raise StillAtWorkError(f"it takes longer than {end_within:g} s")
        return at_work.result()

    def close(self, within: float) -> int:
        """Begin nothing more, wait so many seconds for what was begun, and tell how much is still at work."""
        self._threads.shutdown(wait=False)
        return len(wait(tuple(self._at_work), timeout=within).not_done)

    def _leave(self, at_work: "asyncio.Future[T]") -> None:
        self._free.release()
        if not at_work.cancelled():
            at_work.exception()  # If its caller has left, nobody else asks for it.
