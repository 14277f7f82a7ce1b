"""The one place that tries a call again while the runtime is away: how long between two tries, and when to give up."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from runtime_client.errors import RuntimeClientError

Value = TypeVar("Value")
SPREAD_SECONDS = 5.0
TRIES_AFTER_SPREAD = 4
OnFailure: TypeAlias = Callable[[RuntimeClientError, int], object]


@dataclass
class Backoff:
    """Waits that double from `first_seconds` to `most_seconds`, each shortened at random by up to a half.

    The randomness keeps many clients from coming back all at once. Those that were connected all lose the runtime at
    one moment, so their first wait is any time up to SPREAD_SECONDS, and no later one is so short that it would bring
    them together again.
    """

    first_seconds: float = 0.5
    most_seconds: float = 30.0
    tries: int = 0
    was_connected: bool = False

    def next_seconds(self) -> float:
        """Return the next wait."""
        if self.was_connected:
            self.was_connected, self.tries = False, TRIES_AFTER_SPREAD
            return random.uniform(0.0, SPREAD_SECONDS)  # noqa: S311 - spreads load, keeps no secret
        whole = min(self.most_seconds, self.first_seconds * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """Begin again: the last try worked."""
        self.tries = 0
        self.was_connected = True


@dataclass(frozen=True)
class Retry:
    """Tries a call again for as long as its error may pass by itself.

    Shape:   `wait` is called with seconds and returns true where the waiting was broken off, which ends the tries.
    Units:   `limit_seconds` is the time from the first try to the beginning of the last one; None is for ever.
    """

    wait: Callable[[float], object]
    limit_seconds: float | None = None
    most_seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic

    def call(self, work: Callable[[], Value], on_failure: OnFailure = lambda _error, _failures: None) -> Value:
        """Return what `work` returns; `on_failure` is called before each wait, with the number of failures so far.

        Errors:  RuntimeClientError: the last one, if it does not pass, the time is over or the waiting was broken off.
        """
        began_at = self.clock()
        backoff = Backoff(most_seconds=self.most_seconds)
        while True:
            try:
                return work()
            except RuntimeClientError as error:
                pause = self._next_pause(backoff, began_at)
                if not error.is_passing or pause <= 0:
                    raise
                on_failure(error, backoff.tries)
                if self.wait(pause):
                    raise

    def _next_pause(self, backoff: Backoff, began_at: float) -> float:
        pause = backoff.next_seconds()
        return pause if self.limit_seconds is None else min(pause, began_at + self.limit_seconds - self.clock())
