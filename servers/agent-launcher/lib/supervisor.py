"""The supervisor thread: notices the end of each running job at once."""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable

from lib.job_process import JobProcess
from lib.registry import RunningJobsRegistry

log = logging.getLogger("agent-launcher")

SWEEP_SECONDS = 1.0
IDLE_SECONDS = 5.0


class Supervisor:
    """Waits on the kernel for ends, looks at every job once a second for those it was not told of, and settles them."""

    def __init__(self, registry: RunningJobsRegistry, settle: Callable[[JobProcess], None]) -> None:
        self._registry = registry
        self._settle = settle
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._swept_at = time.monotonic()

    def watch(self, process: JobProcess) -> None:
        """Have the kernel tell of this process's end.

        May be called from any thread: the kernel takes the descriptor into a wait that is under way.
        """
        fd = process.fileno()
        if fd is None:
            return
        try:
            self._selector.register(fd, selectors.EVENT_READ, process)
        except (OSError, ValueError, KeyError):
            log.exception("cannot watch a job; it is looked at each second job_id=%s", process.run.job.job_id)

    def step(self) -> float:
        """Wait for ends for a moment and settle them."""
        for key, _ in self._selector.select(SWEEP_SECONDS if len(self._registry) else IDLE_SECONDS):
            if isinstance(key.data, JobProcess):
                self._look(key.data)
            else:
                self._woken.recv(4096)
        if time.monotonic() - self._swept_at >= SWEEP_SECONDS:
            self._sweep()
            self._swept_at = time.monotonic()
        return 0.0

    def wake(self) -> None:
        """End the present wait."""
        self._wake.send(b"w")

    def _sweep(self) -> None:
        for held in self._registry.get_running_jobs().values():
            # A job at its gate is the starter's.
            if held.process.is_under_way:
                self._look(held.process)

    def _look(self, process: JobProcess) -> None:
        if process.poll() is None:
            return
        fd = process.fileno()
        if fd is not None:
            try:
                self._selector.unregister(fd)
            except (KeyError, ValueError):
                log.debug("a job was not watched job_id=%s", process.run.job.job_id)
        process.close()
        self._settle(process)
