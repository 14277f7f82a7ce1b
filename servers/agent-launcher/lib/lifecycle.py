"""From taking jobs to leaving: which phase the launcher is in, and who asked for it."""

from __future__ import annotations

from enum import IntEnum
from queue import Empty, SimpleQueue

from lib.machine.machine import Machine


class Phase(IntEnum):
    """Phases only move forward."""

    TAKING = 0
    DRAINING = 1  # no new jobs; what runs goes on
    STOPPING = 2  # what runs is stopped by the ladder and reported
    LEAVING = 3  # go now; shims go on and the next start adopts them


class Event(IntEnum):
    """What the main thread is told."""

    INTERRUPT = 1  # Ctrl+C or SIGTERM: one phase further
    HANG_UP = 2  # leave at once
    DRAIN = 3
    SUPERSEDED = 4
    LOOK = 5  # something ended; see whether all is done
    CLIENTS = 6  # look again for what can run here


class Lifecycle:
    """Holds the phase and the main thread's inbox. Putting into the inbox is safe inside a signal handler."""

    def __init__(self, machine: Machine, *, max_total_jobs: int | None = None) -> None:
        self.inbox: SimpleQueue[Event] = machine.inbox()
        self.leaving = machine.flag()
        self._phase = Phase.TAKING
        self._lock = machine.lock()
        self._jobs_left = max_total_jobs

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def takes_jobs(self) -> bool:
        return self._phase is Phase.TAKING

    def tell(self, event: Event) -> None:
        self.inbox.put(event)

    def next_event(self, seconds: float) -> Event | None:
        """Wait for the next event, in the main thread."""
        try:
            return self.inbox.get(timeout=seconds)
        except Empty:
            return None

    def advance(self, phase: Phase) -> bool:
        """Move on to a later phase; False if we are already there."""
        with self._lock:
            if phase <= self._phase:
                return False
            self._phase = phase
        if phase is Phase.LEAVING:
            self.leaving.set()
        return True

    def jobs_left(self) -> int | None:
        """How many more jobs this process may take; None is no limit."""
        return self._jobs_left

    def count_job(self) -> None:
        """Note that a job was taken; after the last one that is allowed, drain."""
        with self._lock:
            if self._jobs_left is None:
                return
            self._jobs_left -= 1
            is_last = self._jobs_left <= 0
        if is_last:
            self.tell(Event.DRAIN)
