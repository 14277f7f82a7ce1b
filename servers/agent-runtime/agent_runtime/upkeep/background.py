"""The one way in which background work begins and ends."""

import asyncio
import logging
from abc import ABC, abstractmethod

log = logging.getLogger(__name__)


class Background(ABC):
    """Work that goes on until it is stopped.

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

    @abstractmethod
    async def run(self) -> None:
        """Do the work until it is cancelled."""
