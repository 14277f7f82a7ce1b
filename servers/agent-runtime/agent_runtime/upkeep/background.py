"""The one way in which background work begins and ends."""

import asyncio
import logging
from abc import ABC, abstractmethod

from agent_runtime.domain.errors import Unavailable

log = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Background(ABC):
    """Work that goes on, one round after the other, until it is stopped; a round that fails is followed by the next.

    Stop twice is fine, stop before start is fine, and stop returns when the work is over.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; starting what runs already changes nothing."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self.run(), name=self._name)

    async def stop(self) -> None:
        """End, and wait until it is over."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            log.debug("background work ended", extra={"work": self._name})

    async def run(self) -> None:
        """Do one round after the other, until cancelled."""
        while True:
            try:
                await self.do_round()
            except Unavailable:  # The store has said so, once for everybody.
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            except Exception:
                log.exception("a round of '%s' failed; the next one follows", self._name)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)

    @abstractmethod
    async def do_round(self) -> None:
        """Do the work once, and wait until it is due again."""
