"""What this launcher has done since it began, counted as it happens: a few additions for each job, asked for or not."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from threading import Lock

from lib.attempt.attempt import Attempt, Began, Change, Dropped, Ended
from lib.wire.models import Report, number_of

STEPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Spread:
    """How often something took how long.

    Units:   seconds; `counts` has one more place than `STEPS`, for what took longer than all of them.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(STEPS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(STEPS, max(0.0, seconds))] += 1
        self.total += max(0.0, seconds)


class Tally:
    """Hears of every change of an attempt and of every report that the runtime took; any thread may tell it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.starts = 0
        self.declined = 0
        self.ends: Counter[tuple[str, str]] = Counter()
        self.claim, self.start = Spread(), Spread()

    def changed(self, attempt: Attempt, change: Change, now: float) -> None:
        """Count a change that is about to be made; `now` is the monotonic clock's."""
        with self._lock:
            if isinstance(change, Began) and attempt.started_at is None:
                self.starts += 1
                self.claim.add(now - attempt.taken_at)
            elif isinstance(change, Ended) and attempt.verdict is None:
                self._note_start(attempt, change)
            elif isinstance(change, Dropped):
                self.declined += 1

    def reported(self, report: Report) -> None:
        """Count an end that the runtime knows now."""
        with self._lock:
            self.ends[report.outcome, report.reason or ""] += 1

    def _note_start(self, attempt: Attempt, change: Ended) -> None:
        spawned_at = number_of(change.verdict, "started_at")
        if spawned_at is not None and attempt.started_at is not None:
            self.start.add(spawned_at - attempt.started_at.timestamp())
