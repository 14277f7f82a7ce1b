"""Looks after trees: stops those whose time is used up, and finds news that somehow nobody has delivered."""

import asyncio

from agent_runtime.domain.family import Family
from agent_runtime.domain.limits import read_limits
from agent_runtime.services.families.consequences import check_budget
from agent_runtime.services.ports.store import Announcement, Store, Transaction
from agent_runtime.upkeep.background import Background

LOOK_AT_TIME_SECONDS = 1.0
RECONCILE_SECONDS = 60.0
_AT_ONCE = 200


class FamilyUpkeep(Background):
    """Works once a second while a tree with a budget of time is at work, and once a minute otherwise."""

    def __init__(self, store: Store) -> None:
        super().__init__("families")
        self._store = store
        self._begun = asyncio.Event()

    def hear(self, news: Announcement) -> None:
        """Learn that something began, whose time may be limited."""
        if any(event.new.type == "job.started" for event in news.events):
            self._begun.set()

    async def do_round(self) -> None:
        """Look after all families."""
        self._begun.clear()
        pause = await self._store.write(look_after_families)
        # However many jobs begin, one look per second is enough.
        await asyncio.sleep(LOOK_AT_TIME_SECONDS)
        await self._wait(pause - LOOK_AT_TIME_SECONDS)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._begun.wait()
        except TimeoutError:
            return


def look_after_families(tx: Transaction) -> float:
    """Do one round, and tell in how many seconds the next one is due."""
    if not tx.leads("families"):
        return LOOK_AT_TIME_SECONDS
    has_clock = False
    for session_id in tx.relatives.families.with_limits_at_work(_AT_ONCE):
        session, family = tx.sessions.get(session_id), tx.relatives.families.get(session_id)
        if session is not None and family is not None:
            check_budget(tx, session)
            has_clock = has_clock or _is_timed(family)
    # Each of these is at rest already, unless a transaction went wrong: to look once more is harmless.
    tx.relatives.stirred += tx.relatives.callbacks.parents_with_news(_AT_ONCE)
    tx.relatives.stirred += tx.relatives.callbacks.children_overdue(_AT_ONCE)
    return LOOK_AT_TIME_SECONDS if has_clock else RECONCILE_SECONDS


def _is_timed(family: Family) -> bool:
    limits = read_limits(family.limits, "limits")
    return limits.max_run_seconds is not None or limits.max_tree_run_seconds is not None
