"""Those who wait until what they read says what they wait for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class ParkedReaders:
    """Wakes who waits for something when a commit concerns it."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._ended = False

    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    def wake(self, keys: Iterable[str]) -> None:
        """Let those read again who wait for one of these."""
        for key in keys:
            for waiter in self._waiting.get(key, ()):
                waiter.set()

    def end_all(self) -> None:
        """Let everybody answer with what there is, because the runtime leaves."""
        self._ended = True
        self.wake(self._waiting)

    async def until(
        self, key: str, read: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool], wait_seconds: float
    ) -> T:
        """Read until it is enough, or the time is over; then give what there is."""
        waiter = asyncio.Event()
        # It listens before it reads, so that nothing that comes in between is missed.
        self._waiting.setdefault(key, set()).add(waiter)
        deadline = asyncio.get_running_loop().time() + wait_seconds
        try:
            while True:
                waiter.clear()
                found = await read()
                if is_enough(found) or self._ended or not await _set_before(waiter, deadline):
                    return found
        finally:
            waiting = self._waiting[key]
            waiting.discard(waiter)
            if not waiting:
                del self._waiting[key]


async def _set_before(waiter: asyncio.Event, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            await waiter.wait()
    except TimeoutError:
        return False
    return True
