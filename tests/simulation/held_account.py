"""What may be claimed while the account's limit is used up: nothing before its time, and then one job at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.world import World

PATIENCE = timedelta(minutes=10)
"""A job that tries the limit and is neither answered nor refused for so long lets another one try."""


class HeldAccount:
    """The one account of a world, as the runtime's events tell of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._until: datetime | None = None
        self._tries: tuple[str, int, datetime] | None = None

    def told(self, event: str, data: Mapping[str, object]) -> None:
        """Hear that the account is held, held on, or free."""
        self._world.tell("runtime", f"{event} {dict(data)}")
        self._until = datetime.fromisoformat(str(data["until"])) if event == "quota.held" else None
        self._tries = None

    def wrong_claim(self, job_id: str, attempt: int, is_at_work: Callable[[str], bool]) -> str | None:
        """Say what is wrong with a claim of a job that uses the account, if anything is."""
        if self._until is None or self._world.has_jumped:
            return None
        now, before = self._world.runtime_time(), self._tries
        if now < self._until:
            return f"{job_id} was claimed although its account is held until {self._until}"
        self._tries = (job_id, attempt, now)
        if before is None or before[0] == job_id or now - before[2] > PATIENCE or not is_at_work(before[0]):
            return None
        return f"{job_id} was claimed while {before[0]} tries whether the limit is over"
