"""The one place where tests wait: for a condition, with a limit, and with a word about what did not come true."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.01
PATIENCE_SECONDS = 60.0


class NeverCameTrueError(AssertionError):
    """A condition stayed false for the whole time that a test was willing to wait."""


def wait_until(
    condition: Callable[[], T | None],
    what: str,
    timeout: float = PATIENCE_SECONDS,
    *,
    look_every: float = LOOK_EVERY_SECONDS,
) -> T:
    """Look again and again until the condition answers something true, and hand that back.

    Errors: NeverCameTrueError naming `what`, when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise NeverCameTrueError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(look_every)


async def until(condition: Callable[[], object], what: str) -> None:
    """The same for a test that shares its event loop with what it waits for.

    Errors: NeverCameTrueError naming `what`, when PATIENCE_SECONDS are over.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise NeverCameTrueError(f"waited {PATIENCE_SECONDS:g} s in vain: {what}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
