"""Signals as plain calls, for as long as a block lasts."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def stop_signals_call(work: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `work` for each signal that asks this process to end, and put back what was there before.

    A wait of the main thread is not broken off: `work` has to wake what it wants to end.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        work(signal.Signals(number))

    before = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
