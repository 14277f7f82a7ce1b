"""asyncio on a clock of ours: nothing is awaited from outside, and nothing happens unless the world lets it."""

import asyncio
import heapq
from asyncio import base_events, events
from collections.abc import Callable

TURNS_MAX = 5_000


class _NothingOutside:
    """The selector of a loop that has no sockets."""

    def select(self, timeout: float | None) -> list[object]:
        del timeout
        return []

    def close(self) -> None:
        return


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop whose time is the world's."""

    _ready: "list[object]"
    _scheduled: "list[events.TimerHandle]"
    _timer_cancelled_count: int

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._selector = _NothingOutside()

    def time(self) -> float:
        return self._clock()

    def next_at(self) -> float | None:
        """Tell when this loop has something to do."""
        if self._ready:
            return self._clock()
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1
        return self._scheduled[0].when() if self._scheduled else None

    def run_due(self) -> bool:
        """Do all that is due now; False if that has no end."""
        turns = 0
        events._set_running_loop(self)
        try:
            while (at := self.next_at()) is not None and at <= self._clock():
                turns += 1
                if turns > TURNS_MAX:
                    return False
                self._run_once()  # type: ignore[attr-defined]  # the loop's own turn, without its waiting
        finally:
            events._set_running_loop(None)
        return True

    def end_all(self) -> None:
        """Cancel whatever was under way and forget what was planned."""
        self.call_soon(self._cancel_all)

    def _cancel_all(self) -> None:
        for task in sorted(asyncio.all_tasks(self), key=lambda task: task.get_name()):
            task.cancel()

    def _process_events(self, event_list: list[object]) -> None:
        del event_list

    def _write_to_self(self) -> None:
        return
