"""What is still to be delivered to the runtime, in the order in which it is due."""

from __future__ import annotations

import heapq
import itertools

from lib.backoff import Backoff
from lib.log_upload import LogCursor
from lib.machine import Machine
from lib.run_directory import RunDirectory


class Delivery:
    """One attempt that ended or never began, on its way to the runtime; its folder is the truth, this the progress.

    Shape:   one that `may_begin` may have been granted before the launcher ended, so its place is kept free.
    """

    def __init__(
        self,
        run: RunDirectory,
        log: LogCursor | None = None,
        machine: Machine | None = None,
        *,
        may_begin: bool = False,
    ) -> None:
        self.run = run
        self.may_begin = may_begin
        self.log = log or LogCursor(machine)
        self.backoff = Backoff(machine.chance() if machine is not None else None)
        self.is_tail_tried = False
        self.is_reported = False
        self.drop_reason: str | None = None
        self.is_stop_asked = False
        self.without_process_since: float | None = None
        self.note = "reported"

    @property
    def key(self) -> str:
        return self.run.path.name

    def begun_anew(self, *, may_begin: bool = False) -> Delivery:
        """Copy it for an attempt that could not begin, so that whoever still has this one may finish with it."""
        again = Delivery(self.run, self.log, may_begin=may_begin)
        again.backoff = self.backoff
        again.is_stop_asked = self.is_stop_asked
        again.without_process_since = self.without_process_since
        return again


class Outbox:
    """A thread-safe schedule of deliveries; each is with at most one worker at a time."""

    def __init__(self, machine: Machine | None = None) -> None:
        machine = machine or Machine()
        self._monotonic = machine.monotonic
        self._changed = machine.condition()
        self._due: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._all: dict[str, Delivery] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._all)

    def put(self, delivery: Delivery) -> None:
        """Add a delivery that is due now; one attempt is delivered once."""
        with self._changed:
            if delivery.key in self._all:
                return
            self._all[delivery.key] = delivery
            self._schedule(delivery, 0.0)

    def take(self, wait_seconds: float) -> Delivery | None:
        """Wait for something that is due."""
        end = self._monotonic() + wait_seconds
        with self._changed:
            while not self._is_closed:
                now = self._monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2]
                until = min(end, self._due[0][0]) if self._due else end
                if now >= end:
                    return None
                self._changed.wait(until - now)
        return None

    def put_back(self, delivery: Delivery, seconds: float) -> None:
        """Try a delivery again later; it takes the place of another one for the same folder."""
        with self._changed:
            self._all[delivery.key] = delivery
            self._schedule(delivery, seconds)

    def hurry(self, delivery: Delivery) -> None:
        """Make a delivery due now; one that a worker has in hand is left to it."""
        with self._changed:
            waiting = [entry for entry in self._due if entry[2] is not delivery]
            if len(waiting) < len(self._due):
                self._due = waiting
                heapq.heapify(self._due)
                self._schedule(delivery, 0.0)

    def done(self, delivery: Delivery) -> None:
        """Forget a delivery; a later one for the same folder stays."""
        with self._changed:
            if self._all.get(delivery.key) is delivery:
                del self._all[delivery.key]
            self._changed.notify_all()

    def deliveries(self) -> list[Delivery]:
        """Copy what is not delivered yet, due or not."""
        with self._changed:
            return list(self._all.values())

    def unreported(self) -> int:
        """Count the ends that the runtime has not acknowledged; logs that still follow do not count."""
        return sum(not delivery.is_reported for delivery in self.deliveries())

    def close(self) -> None:
        """Let waiting workers go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _schedule(self, delivery: Delivery, seconds: float) -> None:
        heapq.heappush(self._due, (self._monotonic() + seconds, next(self._order), delivery))
        self._changed.notify()
