"""What a keeper stands on beside the places of attempts: time, processes and files; standard library only.

It decides nothing. A simulation runs the keeper as it is on a host that it made up.
"""

# ruff: noqa: PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from functools import partial

from lib.keeper import process_tree, spawn
from lib.keeper.containment import Containment, Place
from lib.keeper.spawn import Launch
from lib.keeper.warm import WarmStarts
from lib.keeper.words import JsonObject, object_of

_PR_SET_CHILD_SUBREAPER = 36
OUTCOME_BYTES_MAX = 1 << 20
# One block of most file systems; a note that needs more is shortened where the disk is full.
NOTE_BYTES_RESERVED = 4096
_MAKING = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def become_a_subreaper() -> None:
    """Have the kernel give us whoever below us loses its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Host:
    """The real machine, as one keeper uses it."""

    def __init__(self, places: Containment) -> None:
        self.boot_id = process_tree.boot_id()
        self._places = places
        self._environment: dict[str, str] = {}
        self._warm = WarmStarts(places)
        self._adopted: dict[int, int] = {}
        self._settable_signals = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]

    def now(self) -> float:
        """Seconds of the machine's monotonic clock, the same for every process of this boot."""
        return time.monotonic()

    def wall_time(self) -> float:
        return time.time()

    def begin_with(self, environment: Mapping[str, str], warm: list[JsonObject]) -> None:
        """Take the environment that attempts are given from now on, less what each adds, and what can start warm."""
        self._environment = dict(environment)
        self._warm.begin_with(environment, warm)

    def make_output(self, launch: Launch) -> None:
        """Make the files for an attempt's output and for its command's note, before anything is promised.

        Errors:  OSError, also when the disk has no room for the note.
        """
        os.close(os.open(launch.output_path, _MAKING, 0o600))
        with open(os.open(launch.outcome_path, _MAKING, 0o600), "wb", buffering=0) as note:
            # Blanks, and no hole: what is written over them later needs no room, and JSON passes them over.
            note.write(b" " * NOTE_BYTES_RESERVED)

    def spawn(self, launch: Launch, place: Place) -> int:
        """Start a command in its place and return its process number.

        Errors:  SpawnError, NoProcessError.
        """
        if launch.warm:
            pid = spawn.in_its_folder(launch, partial(self._warm.fork, launch, self._environment, place))
            if pid is not None:
                return pid
        start = partial(spawn.start, launch, self._environment, self._settable_signals)
        return self._places.spawn_into(place, start)

    def let_go(self) -> None:
        """End what was made for later starts, at the end of the keeper."""
        self._warm.end()

    def start_time(self, pid: int) -> str:
        """Tell a process from a later one with the same number."""
        return process_tree.start_time(pid)

    def adopt(self, pid: int, start_time: str) -> bool:
        """Watch a command that another keeper spawned; False if it is over, also where nobody has collected it yet."""
        if not start_time or process_tree.start_time(pid) != start_time:
            return False
        try:
            pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
        except OSError:
            return False
        if process_tree.start_time(pid) != start_time or _has_ended(pid, pidfd):
            # When it ended was not seen: what it wrote down about that says more than the moment of this look.
            _close(pidfd)
            return False
        self._adopted[pid] = pidfd
        return True

    def ended(self) -> list[tuple[int, int | None]]:
        """Collect every process that ended since the last call.

        Shape:   its number and its exit code (minus the signal's number), None for one that was adopted.
        """
        found: list[tuple[int, int | None]] = []
        try:
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                self._places.was_collected(child[0])
                self._warm.was_collected(child[0])
                found.append((child[0], os.waitstatus_to_exitcode(child[1])))
        except ChildProcessError:
            pass
        for pid in [pid for pid, pidfd in self._adopted.items() if _has_ended(pid, pidfd)]:
            _close(self._adopted.pop(pid))
            found.append((pid, None))
        return found

    def watched(self) -> list[int]:
        """List the descriptors that tell of the ends of adopted commands."""
        return [pidfd for pidfd in self._adopted.values() if pidfd >= 0]

    def output_bytes(self, launch: Launch) -> int:
        try:
            return os.stat(launch.output_path).st_size  # noqa: PTH116
        except OSError:
            return 0

    def last_write(self, path: str) -> float | None:
        """Tell the wall's time at which a file was last written; None if it is not there."""
        try:
            return os.stat(path).st_mtime  # noqa: PTH116
        except OSError:
            return None

    def read_outcome(self, launch: Launch) -> JsonObject:
        """Read what the command itself left about its end, if anything."""
        try:
            # Not waited for: a command may have put a pipe there that nobody writes to.
            fd = os.open(launch.outcome_path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return {}
        with open(fd, "rb") as file:
            try:
                return object_of(json.loads(file.read(OUTCOME_BYTES_MAX)))
            except (OSError, ValueError):
                return {}


def _close(pidfd: int) -> None:
    if pidfd >= 0:
        os.close(pidfd)


def _has_ended(pid: int, pidfd: int) -> bool:
    if pidfd < 0:
        return not process_tree.is_living(pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(0))
