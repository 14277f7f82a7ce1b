"""Runs the upkeep exactly when time alone changes something, and sleeps in between."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.domain.job import LOST_FOR_GOOD_AFTER
from agent_runtime.services.launchers.claims import STOP_REPEATED_AFTER
from agent_runtime.services.ports.store import Announcement, Store, Transaction
from agent_runtime.services.questions.answering import expire_questions
from agent_runtime.upkeep.background import Background
from agent_runtime.upkeep.lost_jobs import decide_about_lost_jobs, wait_anew_for_lost_jobs
from agent_runtime.upkeep.queue import (
    KEYS_KEPT_FOR,
    expire_claims,
    expire_queued,
    free_due_jobs,
    remind_of_stops,
)
from agent_runtime.upkeep.quota import KEPT_FOR, next_look, tend_holds
from agent_runtime.upkeep.silent_launchers import SilentLaunchers

FROZEN_MEANS = timedelta(seconds=5)
LOOKS_UP_EVERY_SECONDS = 2.0
"""A freeze that began in a longer sleep and ended with it would look like the sleep."""
SLEEPS_AT_MOST = timedelta(hours=1)
SLEEPS_AT_MOST_AMONG_OTHERS = timedelta(seconds=5)
"""Where other runtimes write too, what becomes due may be heard of late."""
OTHERS_ARE_AWAITED_FOR = timedelta(seconds=1)
NOTHING_MOVES_PAUSE = timedelta(seconds=1)
"""The shortest time between a round that moved nothing and the next one that nobody asked for."""


@dataclass(frozen=True)
class Pass:
    """One round of upkeep: when it was, and when the next one is due."""

    at: datetime
    next_at: datetime


@dataclass(frozen=True)
class _Sleep:
    """A sleep that is over: when it began, by both clocks, and by how much we woke up too late in it."""

    began_at: datetime
    began_ticks: float
    late_seconds: float


class Upkeep(Background):
    """Moves what only time moves: due jobs, expired claims, silent launchers, lost jobs."""

    def __init__(self, store: Store, lease: timedelta, sleeps_at_most: timedelta = SLEEPS_AT_MOST) -> None:
        super().__init__("upkeep")
        self._sleeps_at_most = sleeps_at_most
        self._store = store
        self._silent = SilentLaunchers(lease)
        self._soonest: datetime | None = None
        self._sooner = asyncio.Event()
        self._slept: _Sleep | None = None

    def hear(self, announcement: Announcement) -> None:
        """Learn of a commit that makes something due earlier than planned."""
        due = announcement.due_at
        if due is not None and (self._soonest is None or due < self._soonest):
            self._soonest = due
            self._sooner.set()

    async def do_round(self) -> None:
        """Do what is due and sleep; the first round, and one after a failure, renews every lease."""
        slept, self._slept = self._slept, None
        self._slept = await self._sleep(await self._pass_after(slept))

    async def pass_once(self, *, renews: bool) -> Pass:
        """Do one round; one that renews gives every lease its whole time again before anything is judged."""
        return await self._store.write(lambda tx: self._round(tx, renews=renews))

    async def _pass_after(self, slept: _Sleep | None) -> Pass:
        ticks = asyncio.get_running_loop().time()
        self._soonest = None  # What is committed while this round is on its way may not be seen by it.
        return await self._store.write(lambda tx: self._round(tx, renews=_stood_still(tx.now, slept, ticks)))

    async def _sleep(self, done: Pass) -> _Sleep:
        loop = asyncio.get_running_loop()
        ticks = loop.time()
        while True:
            self._sooner.clear()
            due = done.next_at if self._soonest is None else min(done.next_at, self._soonest)
            until = ticks + max((due - done.at).total_seconds(), 0.0)
            looks_up_at = min(until, loop.time() + LOOKS_UP_EVERY_SECONDS)
            timer = loop.call_at(looks_up_at, self._sooner.set)
            try:
                await self._sooner.wait()
            finally:
                timer.cancel()
            late = loop.time() - looks_up_at
            if late >= 0.0 and (looks_up_at == until or late > FROZEN_MEANS.total_seconds()):
                return _Sleep(done.at, ticks, late)

    def _round(self, tx: Transaction, *, renews: bool) -> Pass:
        if not tx.leads("upkeep"):
            return Pass(tx.now, tx.now + OTHERS_ARE_AWAITED_FOR)
        if renews:
            self._silent.renew(tx)
            wait_anew_for_lost_jobs(tx)
        else:
            self._silent.mark(tx)
        steps = (
            expire_claims,
            remind_of_stops,
            free_due_jobs,
            expire_queued,
            expire_questions,
            decide_about_lost_jobs,
            tend_holds,
        )
        moved = sum(step(tx) for step in steps)
        tx.jobs.forget_keys(tx.now - KEYS_KEPT_FOR)
        tx.quota.forget(tx.now - KEPT_FOR)
        due = self._next_at(tx)
        # What is due and was not moved now would not be moved by looking again at once, for ever.
        return Pass(tx.now, due if moved else max(due, tx.now + NOTHING_MOVES_PAUSE))

    def _next_at(self, tx: Transaction) -> datetime:
        times = tx.jobs.next_times()
        candidates = [
            times.claim_expires_at,
            times.not_before,
            times.queue_expires_at,
            times.lost_at + LOST_FOR_GOOD_AFTER if times.lost_at is not None else None,
            times.stop_announced_at + STOP_REPEATED_AFTER if times.stop_announced_at is not None else None,
            tx.questions.next_expiry(),
            self._silent.next_at(tx),
            next_look(tx),
            tx.now + self._sleeps_at_most,
        ]
        return min(moment for moment in candidates if moment is not None)


def _stood_still(now: datetime, slept: _Sleep | None, ticks: float) -> bool:
    """Tell whether we were frozen, or the clock was set: in both cases silence proves nothing."""
    if slept is None:
        return True
    drift = (now - slept.began_at) - timedelta(seconds=ticks - slept.began_ticks)
    return timedelta(seconds=slept.late_seconds) > FROZEN_MEANS or abs(drift) > FROZEN_MEANS
