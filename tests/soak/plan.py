"""Which harm comes when, to whom and for how long: decided by one number, so that it can be played again."""

from dataclasses import dataclass
from enum import Enum
from random import Random

GAP_SECONDS_MEAN = 2.5
FIRST_AT_SECONDS = 3.0


class Harm(Enum):
    """What can go wrong; the value is what the figures call it."""

    LAUNCHER_KILLED = "launcher killed"
    LAUNCHER_UPGRADED = "launcher left by SIGHUP"
    LAUNCHER_FROZEN = "launcher frozen"
    KEEPER_KILLED = "keeper killed"
    KEEPER_AND_LAUNCHER_KILLED = "keeper and launcher killed"
    RUNTIME_KILLED = "runtime killed"
    RUNTIME_RESTARTED = "runtime restarted"
    RUNTIME_FROZEN = "runtime frozen"
    NETWORK_DOWN = "network down"
    NETWORK_BLACK_HOLE = "network swallows requests"
    NETWORK_CUT = "connections cut"
    PROXY_PAGES = "proxy pages"
    SERVER_ERRORS = "errors of status 500"
    UNAUTHORIZED = "errors of status 401"
    ANSWERS_LOST = "answers lost"
    ANSWERS_CUT = "answers cut in half"
    REQUESTS_TWICE = "requests doubled"
    REQUESTS_LATE = "requests late and out of order"
    DISK_FULL = "disk full"
    RUNTIME_DISK_FULL = "runtime's disk takes nothing"


WEIGHTS = {
    Harm.LAUNCHER_KILLED: 5,
    Harm.LAUNCHER_UPGRADED: 3,
    Harm.LAUNCHER_FROZEN: 2,
    Harm.KEEPER_KILLED: 4,
    Harm.KEEPER_AND_LAUNCHER_KILLED: 4,
    Harm.RUNTIME_KILLED: 2,
    Harm.RUNTIME_RESTARTED: 1,
    Harm.RUNTIME_FROZEN: 1,
    Harm.DISK_FULL: 2,
    Harm.RUNTIME_DISK_FULL: 1,
}


@dataclass(frozen=True)
class Step:
    """One harm.

    Units: `at_seconds` from the beginning of the run; `seconds` is how long it lasts; `target` numbers the launcher.
    """

    at_seconds: float
    harm: Harm
    target: int
    seconds: float


def plan(seed: int, seconds: float, launchers: int) -> list[Step]:
    """All harms of a run; the same seed gives the same ones, and a longer run begins as the shorter one."""
    chance = Random(seed)
    kinds = list(Harm)
    weights = [WEIGHTS.get(kind, 2) for kind in kinds]
    steps: list[Step] = []
    at = FIRST_AT_SECONDS
    while True:
        at += chance.expovariate(1 / GAP_SECONDS_MEAN)
        step = Step(at, chance.choices(kinds, weights)[0], chance.randrange(launchers), chance.uniform(0.2, 8.0))
        if at >= seconds:
            return steps
        steps.append(step)
