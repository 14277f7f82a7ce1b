"""What is known of a database that cannot be used at the moment, and how often the log says so."""

import logging
import time

log = logging.getLogger(__name__)

SAID_EVERY_SECONDS = 60.0


class Trouble:
    """Whether the last use of the database failed; one line a minute for the log, however many fail.

    Shape:   `now` is the sentence of the last failure, and None while all is well. Threads may share it.
    """

    def __init__(self) -> None:
        self.now: str | None = None
        self._said_at: float | None = None
        self._refused = 0
        self._is_said = False

    def met(self, sentence: str, refused: int = 1) -> None:
        """Note that a database could not be used, and for how many calls."""
        self.now = sentence
        self._refused += refused
        at = time.monotonic()
        if self._said_at is None or at - self._said_at >= SAID_EVERY_SECONDS:
            self._said_at, self._is_said = at, True
            log.error("%s", sentence, extra={"refused_calls": self._refused})

    def is_over(self) -> None:
        """Note that the database was used."""
        if self.now is None:
            return
        self.now = None
        if self._is_said:
            log.warning("the database can be used again", extra={"refused_calls": self._refused})
        self._refused, self._is_said = 0, False
