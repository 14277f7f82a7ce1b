"""Finds, once a minute, rows that nothing would ever move, and says so in the log: each is a mistake of ours."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from agent_runtime.domain.job import LOST_FOR_GOOD_AFTER
from agent_runtime.services.ports.queue import Stuck
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.upkeep.background import Background

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
OVERDUE_MEANS = timedelta(minutes=1)
"""What is due for longer than this should have been moved by the upkeep several times over."""
NAMED_AT_ONCE_MAX = 100


class Reconcile(Background):
    """Looks at everything unfinished once a minute; it names what it finds and repairs nothing."""

    def __init__(self, store: Store) -> None:
        super().__init__("reconcile")
        self._store = store
        self._seen: frozenset[Stuck] = frozenset()
        self._named: frozenset[Stuck] = frozenset()

    async def do_round(self) -> None:
        """Look once a minute."""
        await asyncio.sleep(EVERY_SECONDS)
        await self.look()

    async def look(self) -> Sequence[Stuck]:
        """Name what stood there at the last look too, once; who was frozen has not done yet what is overdue."""
        found = frozenset(await self._store.read(find_stuck))
        lasting = found & self._seen
        new = sorted(lasting - self._named, key=lambda stuck: (stuck.job_id, stuck.session_id))
        for stuck in new:
            log.error("nothing would ever move this row: %s", stuck.finding, extra=vars(stuck))
        self._seen, self._named = found, lasting
        return new


def find_stuck(tx: Transaction) -> Sequence[Stuck]:
    """Read what contradicts itself or is overdue."""
    overdue = tx.now - OVERDUE_MEANS
    return tx.queue.stuck(overdue, overdue - LOST_FOR_GOOD_AFTER, NAMED_AT_ONCE_MAX)
