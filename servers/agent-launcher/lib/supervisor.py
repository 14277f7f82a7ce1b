"""The supervisor thread: notices the end of each running job at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.ends import Ends
from lib.job_process import JobProcess
from lib.machine import Machine
from lib.registry import RunningJobsRegistry

log = logging.getLogger("agent-launcher")

SWEEP_SECONDS = 1.0
IDLE_SECONDS = 5.0


class Supervisor:
    """Waits on the kernel for ends, looks at every job once a second for those it was not told of, and settles them."""

    def __init__(
        self,
        registry: RunningJobsRegistry,
        settle: Callable[[JobProcess], None],
        machine: Machine | None = None,
    ) -> None:
        machine = machine or Machine()
        self._monotonic = machine.monotonic
        self._registry = registry
        self._settle = settle
        self._ends: Ends[JobProcess] = machine.ends()
        self._swept_at = self._monotonic()

    def watch(self, process: JobProcess) -> None:
        """Have the kernel tell of this process's end.

        May be called from any thread: the kernel takes the descriptor into a wait that is under way.
        """
        fd = process.fileno()
        if fd is None:
            return
        try:
            self._ends.watch(fd, process)
        except (OSError, ValueError, KeyError):
            log.exception("cannot watch a job; it is looked at each second job_id=%s", process.run.job.job_id)

    def step(self, show_life: Callable[[], None]) -> float:
        """Wait for ends for a moment and settle them; a slow machine may need long for many, but not for one."""
        for process in self._ends.wait(SWEEP_SECONDS if len(self._registry) else IDLE_SECONDS):
            show_life()
            self._look(process)
        if self._monotonic() - self._swept_at >= SWEEP_SECONDS:
            self._sweep(show_life)
            self._swept_at = self._monotonic()
        return 0.0

    def wake(self) -> None:
        """End the present wait."""
        self._ends.wake()

    def _sweep(self, show_life: Callable[[], None]) -> None:
        for held in self._registry.get_running_jobs().values():
            show_life()
            # A job at its gate is the starter's.
            if held.process.is_under_way:
                self._look(held.process)

    def _look(self, process: JobProcess) -> None:
        if process.poll() is None:
            return
        fd = process.fileno()
        if fd is not None:
            try:
                self._ends.forget(fd)
            except (KeyError, ValueError):
                log.debug("a job was not watched job_id=%s", process.run.job.job_id)
        process.close()
        self._settle(process)
