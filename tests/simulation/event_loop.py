"""asyncio on a clock of ours: nothing is awaited from outside, and nothing happens unless the world lets it."""

import asyncio
import heapq
from asyncio import base_events, events
from collections import deque
from collections.abc import Callable
from contextvars import Context

from simulation.agenda import Agenda

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

    _ready: "deque[events.Handle]"
    _scheduled: "list[events.TimerHandle]"
    _timer_cancelled_count: int
    _clock_resolution: float

    def __init__(self, agenda: Agenda) -> None:
        super().__init__()
        self._agenda = agenda
        self._selector = _NothingOutside()

    def time(self) -> float:
        return self._agenda.now

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def next_at(self) -> float | None:
        """Tell when this loop has something to do."""
        if self._ready:
            return self._agenda.now
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1
        return self._scheduled[0].when() if self._scheduled else None

    def run_due(self) -> bool:
        """Do all that is due now; False if that has no end."""
        turns = 0
        events._set_running_loop(self)
        try:
            while (at := self.next_at()) is not None and at <= self._agenda.now:
                turns += 1
                if turns > TURNS_MAX:
                    return False
                self._take_turn()
        finally:
            events._set_running_loop(None)
        return True

    def _take_turn(self) -> None:
        """What asyncio's own loop does in a turn, without the waiting: it would look at sockets each time."""
        scheduled, ready, due_before = self._scheduled, self._ready, self._agenda.now + self._clock_resolution
        while scheduled and scheduled[0].when() < due_before:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

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
