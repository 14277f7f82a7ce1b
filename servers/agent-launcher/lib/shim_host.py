"""What a fork server knows for all its shims; standard library only."""

from __future__ import annotations

import ctypes
import signal
import sys

from lib import process_tree

_PR_SET_CHILD_SUBREAPER = 36
# Plain numbers: the enumeration's members cost each shim pages of memory.
SIGCHLD, SIGTERM = int(signal.SIGCHLD), int(signal.SIGTERM)
WATCHED = (SIGCHLD, SIGTERM)


class Host:
    """What a fork server finds out once for all its shims, so that none of them spends time or memory on it."""

    def __init__(self) -> None:
        self.boot_id = process_tree.boot_id()
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
        # Shims inherit the mask: they hear signals by waiting for them, and the terminal's not at all.
        signal.pthread_sigmask(signal.SIG_BLOCK, (*WATCHED, signal.SIGINT, signal.SIGHUP))
        self.settable_signals = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]

    def make_us_the_subreaper(self) -> None:
        """Have the kernel give us whoever below us loses its parent."""
        if self._prctl is not None:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def reach(self, name: str) -> None:
        """Pass a step of an attempt's life; only a host under test does something at it."""
