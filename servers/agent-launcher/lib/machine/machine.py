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
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol, TypeVar

from lib.keeper import kernel_files, process_tree
from lib.machine.disk import Disk
from lib.machine.keeper_lines import PROGRAM, Heard, SocketLines
from lib.machine.state_folder import StateFolder
from lib.wire.models import JsonObject

T = TypeVar("T")

MACHINE_ID_FILE = Path("/etc/machine-id")


class Thread(Protocol):
    """A threading.Thread, as far as we use it."""

    @property
    def ident(self) -> int | None: ...
    def start(self) -> None: ...
    def join(self, timeout: float) -> None: ...
    def is_alive(self) -> bool: ...


class KeeperLines(Protocol):
    """The lines to the keepers of one state folder; each keeper has a name."""

    def names(self) -> list[str]: ...
    def open(self, name: str) -> bool: ...
    def close(self, name: str) -> None: ...
    def discard(self, name: str) -> None: ...
    def send(self, name: str, message: JsonObject) -> None: ...
    def wait(self, seconds: float) -> list[Heard]: ...
    def wake(self) -> None: ...
    def collect(self) -> list[JsonObject]: ...


class Machine:
    """The real machine. It decides nothing; what it is asked for, it gives."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.keeper_program = PROGRAM
        self._chance = random.Random()  # noqa: S311  (spreads, not secrets)

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_time(self) -> float:
        return time.time()

    def chance(self) -> random.Random:
        return self._chance

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
        for line in kernel_files.read("/proc/meminfo").splitlines():
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None

    def memory_pressure(self) -> float | None:
        """Tell in how many percent of the last ten seconds all processes waited for memory; None where nobody knows."""
        return _pressure("memory", b"full")

    def cpu_pressure(self) -> float | None:
        """Tell in how many percent of the last ten seconds some process waited for a processor.

        Where the system does not say, the share of those that could run and found none, over the last minute.
        """
        told = _pressure("cpu", b"some")
        if told is not None:
            return told
        load, processors = os.getloadavg()[0], os.cpu_count() or 1
        return 100.0 * max(0.0, 1.0 - processors / load) if load > 0 else 0.0

    def lock(self) -> AbstractContextManager[bool]:
        return threading.Lock()

    def flag(self) -> threading.Event:
        return threading.Event()

    def condition(self) -> threading.Condition:
        return threading.Condition()

    def inbox(self) -> SimpleQueue[T]:
        """Make a queue into which a signal handler may put."""
        return SimpleQueue()

    def thread(self, run: Callable[[], None], name: str) -> Thread:
        return threading.Thread(target=run, name=name, daemon=True)

    def keeper_lines(self, folder: Path, way: str, environment: Mapping[str, str]) -> KeeperLines:
        """Open the way to the keepers of a folder; those that are started here get this environment."""
        return SocketLines(folder, way, environment, self.keeper_program)

    def run_to_end(
        self, words: Sequence[str], environment: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes, bytes]:
        """Run a program, and tell its status, what it printed and what it complained of.

        Errors:  OSError, also when it has not ended after so many seconds; it is killed then.
        """
        try:
            done = subprocess.run(
                words, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, check=False,
                timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"it has not ended after {seconds:g} s") from error
        return done.returncode, done.stdout, done.stderr

    def state_folder(self, path: Path) -> StateFolder:
        return StateFolder(path)

    def end_process(self, code: int) -> None:
        """End this process at once, whatever its other threads do."""
        logging.shutdown()
        os._exit(code)

    def raise_descriptor_limit(self) -> None:
        # Many calls at once need many descriptors. Keepers are started before, so jobs keep their own limit.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _pressure(of: str, who: bytes) -> float | None:
    for line in kernel_files.read(f"/proc/pressure/{of}").splitlines():
        kind, _, facts = line.partition(b" ")
        if kind == who:
            return float(facts.split(b" ")[0].removeprefix(b"avg10="))
    return None
