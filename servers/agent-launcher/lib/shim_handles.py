"""The kernel's view of the shims of this machine: is it that very process, has it ended, let it be told to stop."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from lib import process_tree

if TYPE_CHECKING:
    from lib.run_directory import RunDirectory, ShimIdentity

_HAS_PIDFDS = hasattr(os, "pidfd_open")


class ShimHandles:
    """Opens and uses pidfds of shims; a number alone is never trusted."""

    def open(self, run: RunDirectory) -> int | None:
        """Open the shim's pidfd, sure that it is the shim's: looked at before and after opening."""
        identity = run.shim_identity()
        if not _HAS_PIDFDS or identity is None or not _is_the_shim(run, identity):
            return None
        try:
            pidfd = os.pidfd_open(identity.pid)
        except OSError:
            return None
        # Between the first look and the opening the number may have gone to someone else.
        if _is_the_shim(run, identity):
            return pidfd
        os.close(pidfd)
        return None

    def close(self, pidfd: int) -> None:
        os.close(pidfd)

    def has_ended(self, pidfd: int) -> bool:
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        return bool(poller.poll(0))

    def terminate(self, run: RunDirectory) -> bool:
        """Send SIGTERM to the process that holds the lock, and to no other; False if there is none."""
        pidfd = self.open(run)
        if pidfd is None:
            return _terminate_without_pidfd(run)
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        except ProcessLookupError:
            return False
        finally:
            os.close(pidfd)
        return True


def _is_the_shim(run: RunDirectory, identity: ShimIdentity) -> bool:
    return (
        run.is_locked()
        and identity.boot_id == process_tree.boot_id()
        and identity.start_time == process_tree.start_time(identity.pid)
    )


def _terminate_without_pidfd(run: RunDirectory) -> bool:
    identity = run.shim_identity()
    if _HAS_PIDFDS or identity is None or not run.is_locked():
        return False
    try:
        os.kill(identity.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True
