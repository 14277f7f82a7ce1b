"""Lets go of what is over and old, once at the start and then every hour."""

import asyncio
import logging

from agent_runtime.services.ports.store import Store
from agent_runtime.services.retention import Retention, prune
from agent_runtime.upkeep.background import Background

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
FIRST_AFTER_SECONDS = 60.0


class RetentionUpkeep(Background):
    """Prunes by itself, in small steps that nobody waits for."""

    def __init__(self, store: Store, retention: Retention) -> None:
        super().__init__("retention")
        self._store = store
        self._retention = retention
        self._due_in_seconds = FIRST_AFTER_SECONDS

    async def do_round(self) -> None:
        """Prune when the next time has come."""
        await asyncio.sleep(self._due_in_seconds)
        self._due_in_seconds = EVERY_SECONDS
        removed = await prune(self._store, self._retention)
        log.info("pruned", extra=vars(removed))
        if removed.bytes_too_many:
            log.warning(
                "the database holds more than it should: sessions, their newest jobs, and what is young or not over, "
                "stay (delete sessions, or allow more with AGENT_RUNTIME_KEEP_GIGABYTES)",
                extra={"bytes_too_many": removed.bytes_too_many},
            )
