"""The service of the agents' models: sometimes it cannot be reached, and sometimes the account's limit is used up.

Only agents with this service ask for it, and only in some worlds; both are drawn apart from all else, so that the other
worlds stay what they were.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

from lib.keeper.words import JsonObject

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.world import World

AGENT, ACCOUNT, WORD = "modelled", "shared", "asks"
_OF_ITS_OWN = 0x5E121CE
IN_ONE_OF_WORLDS = 3
ENDS_WITHIN_SECONDS = 0.4


class Service:
    """What a model's service answers in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.chance = Random(world.seed ^ _OF_ITS_OWN)
        self.is_there = self.chance.randrange(IN_ONE_OF_WORLDS) == 0
        self._cut_rate = self.chance.choice((0.0, 0.3, 0.6))
        self._tells_when = self.chance.choice((0.0, 0.5, 1.0))
        first = self.chance.choice((0.0, self.chance.uniform(0.0, world.chaos_seconds / 2)))
        begins = [first, *(self.chance.uniform(0.0, world.chaos_seconds) for _ in range(self.chance.randrange(3)))]
        self._used_up = [(begin, begin + self.chance.choice((5.0, 20.0, 60.0, 240.0))) for begin in begins]

    def is_asked_by_next(self) -> bool:
        """Draw whether the next session that is ordered asks for this service."""
        return self.is_there and self.chance.random() < 0.8

    def is_asked_in(self, prompt: str) -> bool:
        """Whether a command with this prompt asks the service; it is one of ours then."""
        return WORD in prompt.split()

    def trouble_of(self, host: Host, prompt: str) -> JsonObject | None:
        """Say how a command that asks now fails, as it will write it down; None if it is answered."""
        if self._world.faults.is_calm or not self.is_asked_in(prompt):
            return None
        now = self._world.agenda.now
        ends = [end for begin, end in self._used_up if begin <= now < end]
        if ends:
            return {"reason": "quota_exhausted", "error": "the limit is used up", **self._limit(host, max(ends))}
        if self.chance.random() < self._cut_rate:
            return {"reason": "model_unreachable", "error": "the connection was cut"}
        return None

    def _limit(self, host: Host, end: float) -> JsonObject:
        if self.chance.random() >= self._tells_when:
            return {}
        at = datetime.fromtimestamp(host.wall_time_of(end), UTC).isoformat()
        return {"limit": {"name": "5-hour limit", "retry_at": at, "is_of_model": False}}
