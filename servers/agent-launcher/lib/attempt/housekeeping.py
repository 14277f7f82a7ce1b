"""Delete run folders that nobody needs any more."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.attempt.folder import RunFolders
from lib.machine.machine import Machine

log = logging.getLogger("agent-launcher")

KEEP_SECONDS = 24 * 3600.0
PACE_SECONDS = 600.0
# What was delivered is kept for people to look at. On a full disk, running jobs need the room more.
FREE_BYTES_WANTED, KEEP_WHEN_FULL_SECONDS, PACE_WHEN_FULL_SECONDS = 16 << 20, 0.0, 5.0


def keep_house(folders: RunFolders, in_use: Callable[[], set[str]], machine: Machine) -> float:
    """Delete what was delivered long ago, and return the seconds until the next look: few while the disk is full."""
    free = machine.disk.free_bytes(folders.path)
    is_full = free is not None and free < FREE_BYTES_WANTED
    keep_seconds = KEEP_WHEN_FULL_SECONDS if is_full else KEEP_SECONDS
    deleted = folders.delete_older(machine.wall_time() - keep_seconds, in_use)
    if deleted:
        log.info("run folders deleted count=%d is_disk_full=%s", deleted, is_full)
    return PACE_WHEN_FULL_SECONDS if is_full else PACE_SECONDS
