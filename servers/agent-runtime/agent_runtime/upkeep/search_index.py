"""Keeps the search in step, behind the writes and never among them: what is new is found about a second later."""

import asyncio

from agent_runtime.services.ports.store import Announcement, Store
from agent_runtime.services.sessions.search_index import CHANGES_WORDS, advance
from agent_runtime.upkeep.background import Background

PAUSE_SECONDS = 1.0
"""Between a start and its end often lies less than this: both are then one step."""
STEP_PAUSE_SECONDS = 0.02
"""Who has much to catch up with lets others write in between."""


class SearchIndex(Background):
    """Advances the index from its durable position, when something was committed that changes it."""

    def __init__(self, store: Store) -> None:
        super().__init__("search index")
        self._store = store
        self._is_behind = asyncio.Event()
        self._is_behind.set()

    def hear(self, announcement: Announcement) -> None:
        """Learn of a commit after which there may be other words."""
        if not self._is_behind.is_set() and any(event.new.type in CHANGES_WORDS for event in announcement.events):
            self._is_behind.set()

    async def do_round(self) -> None:
        """Wait until there is something to do, and do all of it."""
        await self._is_behind.wait()
        await asyncio.sleep(PAUSE_SECONDS)
        self._is_behind.clear()
        try:
            while True:
                if not await self._store.write(advance):
                    return
                await asyncio.sleep(STEP_PAUSE_SECONDS)
        except BaseException:
            self._is_behind.set()
            raise
