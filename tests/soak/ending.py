"""How a soak ends early: by one signal, with everything taken down; and how nothing is left of it."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

import psutil

from support.ledger import Ledger
from support.marked_processes import processes_with
from support.waiting import wait_until

HEARD = (signal.SIGINT, signal.SIGTERM)


class ToldToEnd(BaseException):
    """Somebody wants this soak to end; no error, so that nothing that expects errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


@contextlib.contextmanager
def told_to_end() -> Iterator[None]:
    """Turn the first signal into ToldToEnd, and be deaf to all others while things are taken down.

    A shell starts what runs in the background with SIGINT ignored, and so would all our processes be: a handler of
    our own is what they get back to the default from.
    """

    def hear(number: int, _frame: FrameType | None) -> None:
        for heard in HEARD:
            signal.signal(heard, _hear_no_more)
        raise ToldToEnd(number)

    before = {number: signal.signal(number, hear) for number in HEARD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hear_no_more(_number: int, _frame: FrameType | None) -> None:
    """Taking things down is not interrupted."""


def end_all_marked(name: str, value: str) -> None:
    """Kill every process with this in its environment, whoever its parent is by now."""

    def all_gone() -> bool:
        left = processes_with(name, value)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return not left

    wait_until(all_gone, f"no process with {name}={value} is left")


def end_all_living(ledger: Ledger) -> None:
    """Kill every process that holds its lock, whatever became of its environment."""

    def all_gone() -> bool:
        living = ledger.living()
        for one in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        return not living

    wait_until(all_gone, "nothing that came from a job lives")
