"""Threads whose work may not end, and callers who do not wait for it."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from agent_runtime.store.postgres.threads import BoundedThreads, NotBegunError, StillAtWorkError
from support.waiting import PATIENCE_SECONDS

SOON_SECONDS = 0.01


@pytest.fixture
def threads() -> Iterator[BoundedThreads]:
    """One thread."""
    one = BoundedThreads("test", 1)
    yield one
    assert one.close(PATIENCE_SECONDS) == 0


async def _leave_at_work(threads: BoundedThreads, may_end: threading.Event) -> None:
    with pytest.raises(StillAtWorkError):
        await threads.do(lambda: may_end.wait(PATIENCE_SECONDS), PATIENCE_SECONDS, SOON_SECONDS)


def test_the_thread_of_work_whose_caller_has_left_is_free_when_it_has_ended(
    threads: BoundedThreads,
) -> None:
    async def story() -> None:
        may_end = threading.Event()
        await _leave_at_work(threads, may_end)
        may_end.set()
        assert await threads.do(lambda: "next", PATIENCE_SECONDS, PATIENCE_SECONDS) == "next"

    asyncio.run(story())


def test_work_that_found_no_thread_in_time_is_never_done(threads: BoundedThreads) -> None:
    done: list[str] = []

    async def story() -> None:
        may_end = threading.Event()
        await _leave_at_work(threads, may_end)
        with pytest.raises(NotBegunError, match="all connections are busy"):
            await threads.do(lambda: done.append("late"), SOON_SECONDS, PATIENCE_SECONDS)
        may_end.set()
        await threads.do(lambda: done.append("in time"), PATIENCE_SECONDS, PATIENCE_SECONDS)

    asyncio.run(story())
    assert done == ["in time"]


def test_a_caller_who_is_cancelled_does_not_free_the_thread(threads: BoundedThreads) -> None:
    async def story() -> None:
        may_end = threading.Event()
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            loop.call_soon_threadsafe(begun.set)
            may_end.wait(PATIENCE_SECONDS)

        caller = asyncio.ensure_future(threads.do(work, PATIENCE_SECONDS, PATIENCE_SECONDS))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        with pytest.raises(NotBegunError):
            await threads.do(lambda: None, SOON_SECONDS, PATIENCE_SECONDS)
        may_end.set()

    asyncio.run(story())


def test_who_leaves_is_told_of_work_that_does_not_end(threads: BoundedThreads) -> None:
    async def story() -> None:
        may_end = threading.Event()
        await _leave_at_work(threads, may_end)
        assert threads.close(SOON_SECONDS) == 1
        may_end.set()

    asyncio.run(story())


def test_what_the_work_raises_reaches_its_caller(threads: BoundedThreads) -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(threads.do(fail, PATIENCE_SECONDS, PATIENCE_SECONDS))
