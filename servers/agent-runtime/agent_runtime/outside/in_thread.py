"""Work that may hang in the system, such as a look into the DNS: in a thread that nobody waits for at the end."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Run something beside the loop; who gives up on it leaves the thread to itself.

    A pool's threads would be shared with others, and be waited for when the process ends.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(put: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(lambda: None if done.done() else put())
        except RuntimeError:  # The loop is closed: the runtime has left.
            return

    def run() -> None:
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            failed = error
            tell(lambda: done.set_exception(failed))
        else:
            tell(lambda: done.set_result(found))

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
