"""How many jobs more this machine can take now, and why not if none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from lib.config import Config
from lib.lifecycle import Lifecycle
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine

log = logging.getLogger("agent-launcher")

SHORT_OF_MEMORY = "launcher_short_of_memory"
OVERLOADED = "launcher_overloaded"
CANNOT_START_HERE = "launcher_cannot_start_jobs"
LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Admitted:
    """Free places, None for as many as come; `refuse` says why there are none although the limit would allow it."""

    slots: int | None
    refuse: str | None = None


class Admission:
    """Watches the limit, what the machine bears, and local failures such as a full disk."""

    def __init__(self, at_work: Callable[[], set[str]], lifecycle: Lifecycle, config: Config, machine: Machine) -> None:
        self._monotonic = machine.monotonic
        self._chance = machine.chance
        self._at_work = at_work
        self._lifecycle = lifecycle
        self._max_jobs = config.max_jobs
        self._bounds = config.bounds
        self._machine = machine
        self._backoff = Backoff(self._chance())
        self._failure: str | None = None
        self._failure_until = 0.0
        self._short_of: str | None = None
        self._tell_of_failure: Callable[[], None] = lambda: None

    def tell(self, of_failure: Callable[[], None]) -> None:
        """Have it told when nothing is to be taken for a while."""
        self._tell_of_failure = of_failure

    def look(self) -> Admitted:
        """Say what may be taken now."""
        if not self._lifecycle.takes_jobs:
            return Admitted(0)
        if self._failure is not None and self._monotonic() < self._failure_until:
            return Admitted(0, self._failure)
        if (short := self._looked_at_machine()) is not None:
            return Admitted(0, short)
        limits = [limit for limit in (self._free_places(), self._lifecycle.jobs_left()) if limit is not None]
        return Admitted(max(0, min(limits))) if limits else Admitted(None)

    def has_room_for(self, job_id: str) -> bool:
        """Say whether a claim fits beside what else is at work."""
        return self._max_jobs is None or len(self._at_work() - {job_id}) < self._max_jobs

    def failed_here(self, reason: str, at_least_seconds: float = 1.0) -> None:
        """Take nothing for a while: this machine could not start a job that another one may be able to."""
        self._failure = reason
        self._failure_until = self._monotonic() + max(at_least_seconds, self._backoff.failed())
        self._tell_of_failure()

    def started(self) -> None:
        """Note that jobs can be started here."""
        if self._failure is not None:
            self._failure = None
            self._backoff = Backoff(self._chance())

    def seconds_until_change(self) -> float | None:
        """How long to wait before looking again although nothing else happens; None if that is not needed."""
        if self._failure is not None and (left := self._failure_until - self._monotonic()) > 0:
            return left
        return LOOK_AGAIN_SECONDS if self._short_of is not None else None

    def _free_places(self) -> int | None:
        return None if self._max_jobs is None else self._max_jobs - len(self._at_work())

    def _looked_at_machine(self) -> str | None:
        # With nothing running, waiting would not free anything: one job is always taken.
        found = self._shortage() if self._at_work() else None
        reason = found[0] if found is not None else None
        if found is not None and reason != self._short_of:
            log.warning("no further job is taken: %s", found[1])
        self._short_of = reason
        return reason

    def _shortage(self) -> tuple[str, str] | None:
        """Find what there is too little of, with the facts for the log."""
        bounds, machine = self._bounds, self._machine
        available = machine.available_memory()
        if available is not None and available < bounds.memory_floor_bytes:
            facts = f"free memory is short free_mib={available >> 20} floor_mib={bounds.memory_floor_bytes >> 20}"
            return SHORT_OF_MEMORY, facts
        stalled = machine.memory_pressure() if bounds.memory_pressure_max else None
        if stalled is not None and stalled > bounds.memory_pressure_max:
            return (
                SHORT_OF_MEMORY,
                f"everything waits for memory percent={stalled:g} max={bounds.memory_pressure_max:g}",
            )
        waiting = machine.cpu_pressure() if bounds.cpu_pressure_max else None
        if waiting is not None and waiting > bounds.cpu_pressure_max:
            return OVERLOADED, f"processes wait for a processor percent={waiting:g} max={bounds.cpu_pressure_max:g}"
        return None
