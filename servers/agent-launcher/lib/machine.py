"""What a launcher stands on: time, chance, threads, disk, processes and network.

Every part is handed a machine and reaches the world through it alone. So a simulation, which is one thread and one
number that decides everything, runs these very parts on a machine that it made up.
"""

from __future__ import annotations

import logging
import os
import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Protocol, TypeVar

from lib import burial, process_tree
from lib.disk import Disk
from lib.ends import Ends
from lib.forker import Forker
from lib.run_directory import RunDirectory
from lib.shim_handles import ShimHandles
from lib.state_folder import StateFolder

S = TypeVar("S")
T = TypeVar("T")

MACHINE_ID_FILE = Path("/etc/machine-id")


class Flag(Protocol):
    """A threading.Event, as far as we use it."""

    def is_set(self) -> bool: ...
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def wait(self, timeout: float) -> bool: ...


class Condition(Protocol):
    """A threading.Condition, as far as we use it."""

    def __enter__(self) -> bool: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def wait(self, timeout: float) -> bool: ...
    def notify(self) -> None: ...
    def notify_all(self) -> None: ...


class Turns(Protocol):
    """A threading.Semaphore, as far as we use it."""

    def acquire(self, *, timeout: float) -> bool: ...
    def release(self) -> None: ...


class Thread(Protocol):
    """A threading.Thread, as far as we use it."""

    @property
    def ident(self) -> int | None: ...
    def start(self) -> None: ...
    def join(self, timeout: float) -> None: ...
    def is_alive(self) -> bool: ...


class Inbox(Protocol[T]):
    """A queue.SimpleQueue, as far as we use it."""

    def put(self, item: T) -> None: ...
    def get(self, *, timeout: float) -> T: ...


class Crew(Protocol):
    """Threads that do several things at once."""

    def for_each(self, act: Callable[[S], None], things: Iterable[S]) -> None: ...
    def close(self) -> None: ...


class Gate(Protocol):
    """Our end of a shim's gate: a socket, as far as we use it."""

    def fileno(self) -> int: ...
    def settimeout(self, seconds: float) -> None: ...
    def setblocking(self, flag: bool, /) -> None: ...
    def recv(self, count: int, flags: int = 0, /) -> bytes: ...
    def send(self, content: bytes, /) -> int: ...
    def close(self) -> None: ...


class Shims(Protocol):
    """Where new shims come from."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def fork_shim(self, run_path: Path) -> Gate: ...


class _Threads:
    """A pool whose waiting callers see the first error, as a loop would have."""

    def __init__(self, size: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)

    def for_each(self, act: Callable[[S], None], things: Iterable[S]) -> None:
        list(self._pool.map(act, things))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Machine:
    """The real machine. It decides nothing; what it is asked for, it gives."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.handles = ShimHandles()

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_time(self) -> float:
        return time.time()

    def chance(self) -> random.Random:
        return random.Random()  # noqa: S311  (spreads, not secrets)

    def boot_id(self) -> str:
        return process_tree.boot_id()

    def host_name(self) -> str:
        return os.uname().nodename

    def identity(self) -> str:
        """Name this machine so that a copied disk or a renamed host is noticed."""
        try:
            machine_id = MACHINE_ID_FILE.read_text("ascii").strip()
        except (OSError, ValueError):
            machine_id = ""
        return f"{socket.gethostname()} {machine_id}".strip()

    def available_memory(self) -> int | None:
        """Read how many bytes new processes can have without swapping; None where the system does not say."""
        return available_memory()

    def lock(self) -> AbstractContextManager[bool]:
        return threading.Lock()

    def flag(self) -> Flag:
        return threading.Event()

    def condition(self) -> Condition:
        return threading.Condition()

    def turns(self, count: int) -> Turns:
        return threading.Semaphore(count)

    def inbox(self) -> Inbox[T]:
        """Make a queue into which a signal handler may put."""
        return SimpleQueue()

    def crew(self, size: int, name: str) -> Crew:
        return _Threads(size, name)

    def thread(self, run: Callable[[], None], name: str) -> Thread:
        return threading.Thread(target=run, name=name, daemon=True)

    def ends(self) -> Ends[T]:
        return Ends()

    def shims(self, environment: Mapping[str, str]) -> Shims:
        return Forker(environment)

    def state_folder(self, path: Path) -> StateFolder:
        return StateFolder(path)

    def end_process(self, code: int) -> None:
        """End this process at once, whatever its other threads do."""
        logging.shutdown()
        os._exit(code)

    def end_leftovers(self, run: RunDirectory) -> list[str]:
        """Kill every process that an attempt left behind and name those that would not die."""
        return burial.end_leftovers(run)

    def raise_descriptor_limit(self) -> None:
        # A running job keeps one descriptor open here. The fork server was started before, so jobs keep theirs.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Read how many bytes new processes can have without swapping; None where the system does not say."""
    try:
        text = meminfo.read_text("ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
