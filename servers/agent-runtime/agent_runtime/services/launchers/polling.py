"""A launcher's poll from its arrival to its answer: park, look, wait, look again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from agent_runtime.services.launchers.claims import Ask, Found, look_for_work
from agent_runtime.services.launchers.parked_polls import ParkedPoll, ParkedPolls, Woken
from agent_runtime.services.launchers.presence import note_dropped_poll
from agent_runtime.services.ports.queue import Lane
from agent_runtime.services.ports.store import Store


class Polling:
    """Answers polls: at once if there is something, else as soon as there is, else with nothing after the wait."""

    def __init__(self, store: Store, polls: ParkedPolls) -> None:
        self._store = store
        self._polls = polls

    async def poll(self, ask: Ask, wait_seconds: float, client_left: Callable[[], Awaitable[None]]) -> Found | None:
        """Answer one poll; nothing when its time is over, a newer one has come, or its client has left.

        Shape:   `client_left` returns when the connection is gone; it is awaited only while the poll waits.
        Errors:  those of `look_for_work`.
        """
        poll = self._polls.park(ask.launcher_id, takes_jobs=ask.slots is None or ask.slots > 0)
        unserved: list[Lane] = []
        try:
            found = await self._store.write(lambda tx: look_for_work(tx, ask))
            if _has_something(found) or wait_seconds <= 0:
                return found
            poll.launcher = found.launcher
            timer = asyncio.get_running_loop().call_later(wait_seconds, poll.end)
            leaving = asyncio.ensure_future(client_left())
            leaving.add_done_callback(lambda _: poll.end())
            try:
                return await self._wait(poll, ask, unserved)
            finally:
                timer.cancel()
                if leaving.done():
                    await self._note_dropped(poll)
                leaving.cancel()
        finally:
            self._polls.leave(poll, unserved)

    async def _wait(self, poll: ParkedPoll, ask: Ask, unserved: list[Lane]) -> Found | None:
        while await poll.woken() is Woken.LOOK:
            unserved[:] = poll.take_offers()
            found = await self._store.write(lambda tx: look_for_work(tx, ask))
            poll.launcher = found.launcher
            if _has_something(found):
                unserved[:] = _not_taken(unserved, found)
                return found
            unserved.clear()
        return None

    async def _note_dropped(self, poll: ParkedPoll) -> None:
        if self._polls.is_newest(poll):
            await self._store.write(lambda tx: note_dropped_poll(tx, poll.launcher_id))


def _has_something(found: Found) -> bool:
    return bool(found.claims or found.stop_jobs or found.inquiries)


def _not_taken(offered: list[Lane], found: Found) -> list[Lane]:
    """Tell which offers are still open when the poll took jobs of other lanes."""
    taken = Counter(claim.job.lane_id for claim in found.claims)
    rest = []
    for lane in offered:
        if taken[lane.id] > 0:
            taken[lane.id] -= 1
        else:
            rest.append(lane)
    return rest
