"""How long to wait before the next try."""

import random
from dataclasses import dataclass


@dataclass
class Backoff:
    """Waits that double from `first_seconds` to `most_seconds`, each shortened at random by up to a half.

    The randomness keeps many clients from coming back all at once.
    """

    first_seconds: float = 0.5
    most_seconds: float = 30.0
    tries: int = 0

    def next_seconds(self) -> float:
        """Return the next wait."""
        whole = min(self.most_seconds, self.first_seconds * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """Begin again: the last try worked."""
        self.tries = 0
