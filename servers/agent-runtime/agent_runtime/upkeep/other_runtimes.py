"""Follows what other runtimes of the same database commit."""

from collections.abc import Awaitable, Callable

from agent_runtime.upkeep.background import Background


class OtherRuntimes(Background):
    """Lets a store that is shared with others tell what they do, for as long as this runtime lives."""

    def __init__(self, watch: Callable[[], Awaitable[None]]) -> None:
        super().__init__("other runtimes")
        self._watch = watch

    async def do_round(self) -> None:
        """Watch until cancelled."""
        await self._watch()
