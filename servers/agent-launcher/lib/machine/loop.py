"""The one loop that every thread of the launcher runs: interruptible, stamped, and never ended by an error."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.machine.machine import Machine

log = logging.getLogger("agent-launcher")

ERROR_PAUSE_SECONDS = 1.0


class Loop:
    """Calls `step` again and again in a thread of its own; `step` returns the seconds to wait before the next call.

    Each round stamps the clock, so that the watchdog can tell a deaf thread from a waiting one: `stale_seconds`
    is how old the stamp may become.
    """

    def __init__(self, name: str, step: Callable[[], float], *, stale_seconds: float, machine: Machine) -> None:
        self._monotonic = machine.monotonic
        self.name = name
        self.stale_seconds = stale_seconds
        self._step = step
        self._is_stopping = machine.flag()
        self._wake = machine.flag()
        self._stamp = self._monotonic()
        self._due = 0.0
        self._thread = machine.thread(self._run, name)

    def start(self) -> None:
        self.stamp()
        self._thread.start()

    def stop(self) -> None:
        """Ask the loop to end after its present step."""
        self._is_stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """End the present wait, or the next one."""
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end and say whether it has."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def stamp(self) -> None:
        """Say that the thread is alive; long steps call it between their parts."""
        self._stamp = self._monotonic()

    def age_seconds(self) -> float:
        """How long ago the thread last showed life; a wait that it chose itself does not count."""
        return max(0.0, self._monotonic() - max(self._stamp, self._due))

    def is_deaf(self) -> bool:
        """Say whether the thread died, or hangs for longer than it may."""
        if self._is_stopping.is_set() or self._thread.ident is None:
            return False
        return not self._thread.is_alive() or self.age_seconds() > self.stale_seconds

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            self.stamp()
            seconds = self._one_step()
            if seconds > 0:
                self._due = self._monotonic() + seconds
                self._wake.wait(seconds)
                self._due = 0.0
            self._wake.clear()

    def _one_step(self) -> float:
        try:
            return self._step()
        except Exception:
            log.exception("%s failed; it goes on", self.name)
            return ERROR_PAUSE_SECONDS
