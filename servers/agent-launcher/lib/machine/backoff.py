"""How long to wait before trying again."""

from __future__ import annotations

import random

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 30.0
AFTER_CONNECTED_SECONDS = 5.0


class Backoff:
    """Doubling waits with equal jitter; the first one after a success is spread over five seconds.

    When a runtime restarts, all its launchers fail in the same moment. Jitter inside the doubling alone
    would bring them all back within the first second.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._was_connected = False
        self._ceiling = FIRST_SECONDS

    def succeeded(self) -> None:
        """Begin anew: the next failure is the first one."""
        self._was_connected = True
        self._ceiling = FIRST_SECONDS

    def failed(self) -> float:
        """Return the seconds to wait now."""
        if self._was_connected:
            self._was_connected = False
            return self._chance.uniform(0, AFTER_CONNECTED_SECONDS)
        half = self._ceiling / 2
        self._ceiling = min(LONGEST_SECONDS, self._ceiling * 2)
        return half + self._chance.uniform(0, half)
