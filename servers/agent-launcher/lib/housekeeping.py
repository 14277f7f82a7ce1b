"""Delete run directories that nobody needs any more, while the launcher runs and not only when it starts."""

from __future__ import annotations

import logging

from lib.machine import Machine
from lib.run_directory import RunsFolder

log = logging.getLogger("agent-launcher")

KEEP_ACKED_SECONDS = 24 * 3600.0
PACE_SECONDS = 600.0
# What was acknowledged is kept for people to look at. On a full disk, running jobs need the room more.
FREE_BYTES_WANTED, KEEP_WHEN_FULL_SECONDS, PACE_WHEN_FULL_SECONDS = 16 << 20, 0.0, 5.0


class Housekeeping:
    """Looks at the runs folder now and then, more often while its disk is nearly full."""

    def __init__(self, runs: RunsFolder, machine: Machine) -> None:
        self._runs = runs
        self._machine = machine

    def step(self) -> float:
        """Delete what was acknowledged long ago and return the seconds until the next look."""
        free = self._machine.disk.free_bytes(self._runs.path)
        is_full = free is not None and free < FREE_BYTES_WANTED
        keep_seconds = KEEP_WHEN_FULL_SECONDS if is_full else KEEP_ACKED_SECONDS
        pruned = self._runs.prune(keep_seconds, self._machine.wall_time())
        if pruned:
            log.info("run directories deleted count=%d is_disk_full=%s", pruned, is_full)
        return PACE_WHEN_FULL_SECONDS if is_full else PACE_SECONDS
