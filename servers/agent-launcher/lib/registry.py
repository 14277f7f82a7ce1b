"""The Running Jobs Registry: the one table of every attempt in this launcher's hands, from claim to delivery."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lib.attempt.attempt import Attempt, Began, Change, Delivered, Dropped, Ended, Later, Phase, Reported, Unbegun
from lib.errors import AttemptAlreadyHere
from lib.machine.machine import Machine
from lib.wire.models import Job


@dataclass(frozen=True, slots=True)
class RunningJob:
    """One running job: its process and when it was started, None while it waits to be granted."""

    process: Attempt
    started_at: datetime | None


class RunningJobsRegistry:
    """A thread-safe table; it starts and stops nothing. It is the journal's image in memory.

    Who works on an attempt returns a change, and `store` makes it: nobody else changes how far an attempt is.
    """

    def __init__(self, machine: Machine) -> None:
        self._monotonic = machine.monotonic
        self._wall_time = machine.wall_time
        self._changed = machine.condition()
        self._attempts: dict[str, Attempt] = {}
        self._of_job: dict[str, list[Attempt]] = {}  # the same ones
        self._due: list[tuple[float, int, Attempt]] = []
        self._tickets = itertools.count(1)
        self._is_closed = False
        self._tell_of_place: Callable[[], None] = lambda: None
        self._tell_of_end: Callable[[Attempt, Delivered | Dropped], None] = lambda *_: None
        self.tell_of_change: Callable[[Attempt, Change, float], None] = lambda *_: None

    def tell(self, of_place: Callable[[], None], of_end: Callable[[Attempt, Delivered | Dropped], None]) -> None:
        """Have it told when a place becomes free or the table shorter, and when an attempt is over."""
        self._tell_of_place, self._tell_of_end = of_place, of_end

    def add_job(self, job_id: str, process: Attempt) -> None:
        """Take up an attempt of a job.

        Errors:  AttemptAlreadyHere, if this attempt is here, or another one that is not over: two must never overlap.
        """
        with self._changed:
            if process.key in self._attempts or self._find(job_id) is not None:
                raise AttemptAlreadyHere(f"cannot take up job {job_id!r}: an attempt of it is still here")
            self._put(process)

    def take_up(self, attempt: Attempt, change: Change) -> None:
        """Take up an attempt that an earlier launcher left; what is there is there, whatever else is."""
        with self._changed:
            self._put(attempt)
        self.store(attempt, change)

    def remove_job(self, job_id: str) -> None:
        """Forget the running attempt of a job; unknown ones are fine."""
        with self._changed:
            held = self._find(job_id)
            if held is not None:
                self._remove(held)

    def get_running_jobs(self) -> dict[str, RunningJob]:
        """Copy what runs or is about to, by job."""
        with self._changed:
            return {held.job.job_id: _running(held) for held in self._attempts.values() if held.is_at_work}

    def get_job(self, job_id: str) -> RunningJob | None:
        """Find the attempt of a job that runs or is about to."""
        with self._changed:
            held = self._find(job_id)
            return _running(held) if held is not None else None

    def store(self, attempt: Attempt, change: Change) -> None:
        """Make the change that someone who worked on an attempt came to; one that comes too late changes nothing."""
        if isinstance(change, Delivered | Dropped) and self.find(attempt.key) is attempt:
            # Before the table lets it go: a claim whose refusal was lost comes again at once, as the same attempt. And
            # marked before its keeper is told: the one that takes that keeper's place meanwhile is told again.
            attempt.is_over = True
            self._tell_of_end(attempt, change)
        with self._changed:
            if self._attempts.get(attempt.key) is not attempt:
                return
            was_at_work = attempt.is_at_work
            self.tell_of_change(attempt, change, self._monotonic())
            self._make(attempt, change)
            is_changed = was_at_work and not attempt.is_at_work
        if is_changed or isinstance(change, Delivered | Dropped):
            self._tell_of_place()

    def mark_stop(self, attempt: Attempt, reason: str) -> None:
        """Keep that it was told to end, so that a keeper which did not hear of it can be told again."""
        with self._changed:
            attempt.stop = reason
            if attempt.phase is Phase.UNBEGUN and attempt.ticket:
                self._schedule(attempt, 0.0)

    def mark_dropped(self, attempt: Attempt, reason: str) -> None:
        """Keep that the runtime wants to hear no more of it."""
        with self._changed:
            attempt.drop_reason = reason

    def mark_known(self, attempt: Attempt) -> None:
        """Keep that the runtime knows its end, most often from a report whose answer was lost."""
        with self._changed:
            attempt.is_reported = True

    def take(self, wait_seconds: float, most: int) -> list[Attempt]:
        """Wait for attempts whose delivery is due; each is the caller's until it is stored."""
        end = self._monotonic() + wait_seconds
        with self._changed:
            while not self._is_closed:
                if due := self._take_due(most):
                    return due
                now = self._monotonic()
                if now >= end:
                    break
                self._changed.wait((min(end, self._due[0][0]) if self._due else end) - now)
        return []

    def find(self, key: str) -> Attempt | None:
        """Find one attempt by its key."""
        with self._changed:
            return self._attempts.get(key)

    def attempts(self) -> list[Attempt]:
        """Copy the whole table."""
        with self._changed:
            return list(self._attempts.values())

    def at_work(self) -> set[str]:
        """Name the jobs that take a place."""
        with self._changed:
            return {held.job.job_id for held in self._attempts.values() if held.is_at_work}

    def is_at_work(self) -> bool:
        """Say whether any job takes a place."""
        with self._changed:
            return any(held.is_at_work for held in self._attempts.values())

    def held(self) -> list[Job]:
        """List the attempts that the runtime is to know we have."""
        with self._changed:
            return [held.job for held in self._attempts.values() if held.is_held]

    def to_deliver(self) -> list[Attempt]:
        """List what is not running and not over."""
        return [held for held in self.attempts() if held.phase in (Phase.UNBEGUN, Phase.ENDED)]

    def unreported(self) -> int:
        """Count the ends that the runtime has not acknowledged; output that still follows does not count."""
        return sum(not held.is_reported for held in self.to_deliver())

    def unbegun_before(self, job: Job) -> list[Attempt]:
        """List the earlier attempts of a job that are being given back: whoever hands out this one has them."""
        with self._changed:
            held = self._of_job.get(job.job_id, ())
            return [one for one in held if one.phase is Phase.UNBEGUN and one.job.attempt_number < job.attempt_number]

    def close(self) -> None:
        """Let waiting workers go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _find(self, job_id: str) -> Attempt | None:
        return next((held for held in self._of_job.get(job_id, ()) if held.is_at_work), None)

    def _put(self, attempt: Attempt) -> None:
        if (before := self._attempts.get(attempt.key)) is not None:
            self._remove(before)
        self._attempts[attempt.key] = attempt
        self._of_job.setdefault(attempt.job.job_id, []).append(attempt)

    def _remove(self, attempt: Attempt) -> None:
        del self._attempts[attempt.key]
        of_job = self._of_job[attempt.job.job_id]
        of_job.remove(attempt)
        if not of_job:
            del self._of_job[attempt.job.job_id]

    def _make(self, attempt: Attempt, change: Change) -> None:
        match change:
            case Began():
                if attempt.phase is not Phase.ENDED:
                    attempt.phase = Phase.RUNNING
                    attempt.started_at = attempt.started_at or datetime.fromtimestamp(self._wall_time(), UTC)
            case Unbegun():
                if attempt.phase is Phase.BEGINNING:
                    attempt.phase = Phase.UNBEGUN
                    self._schedule(attempt, 0.0)
            case Ended(verdict):
                if attempt.phase is not Phase.ENDED:
                    attempt.phase, attempt.verdict = Phase.ENDED, verdict
                    self._schedule(attempt, 0.0)
            case Later(seconds):
                attempt.tries += 1
                if not attempt.ticket:
                    self._schedule(attempt, seconds)
            case Reported():
                attempt.is_reported = True
                self._schedule(attempt, 0.0)
            case Delivered() | Dropped():
                attempt.ticket = 0
                self._remove(attempt)

    def _schedule(self, attempt: Attempt, seconds: float) -> None:
        attempt.ticket = next(self._tickets)
        heapq.heappush(self._due, (self._monotonic() + seconds, attempt.ticket, attempt))
        self._changed.notify()

    def _take_due(self, most: int) -> list[Attempt]:
        now, taken = self._monotonic(), list[Attempt]()
        while self._due:
            at, ticket, attempt = self._due[0]
            if attempt.ticket == ticket:
                if at > now or len(taken) == most:
                    break
                attempt.ticket = 0
                taken.append(attempt)
            heapq.heappop(self._due)
        return taken


def _running(held: Attempt) -> RunningJob:
    return RunningJob(held, held.started_at)
