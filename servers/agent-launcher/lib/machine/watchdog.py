"""Notice a thread that died or hangs, say where every thread stands, and end the process for a restart."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Sequence

from lib.machine.loop import Loop
from lib.machine.machine import Machine

log = logging.getLogger("agent-launcher")

EXIT_CODE = 70
# A gap in our own looks means that the whole process stood still (SIGSTOP, a frozen machine): nobody was deaf.
FROZEN_SECONDS = 5.0


class Watchdog:
    """Looks at the loops' stamps; jobs survive its bite, as the next start adopts them."""

    def __init__(self, loops: Sequence[Loop], machine: Machine) -> None:
        self._monotonic = machine.monotonic
        self._end_process = machine.end_process
        self._loops = loops
        self._looked_at = self._monotonic()

    def look(self) -> None:
        """End the process if a loop is deaf."""
        now = self._monotonic()
        gap, self._looked_at = now - self._looked_at, now
        if gap > FROZEN_SECONDS:
            for loop in self._loops:
                loop.stamp()
            return
        for loop in self._loops:
            if loop.is_deaf():
                log.critical(
                    "thread %s shows no life since %.0f s; this process ends, its jobs go on\n%s",
                    loop.name,
                    loop.age_seconds(),
                    _stacks(),
                )
                self._end_process(EXIT_CODE)


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001  (the documented way to all stacks)
        parts.append(f"--- {names.get(ident, ident)}\n" + "".join(traceback.format_stack(frame)))
    return "\n".join(parts)
