"""Keep the processes of an attempt together, whatever they fork, detach or forget; standard library only.

Two things of the kernel's tell whose a process is, and each outlives keeper and launcher:

- a cgroup for each attempt, where one can be had: nothing leaves it by itself, and one write ends all that is in it;
- a mark that every process below inherits and none ever looks at: the soft limit of file locks (RLIMIT_LOCKS, without
  meaning since Linux 2.4.25). It survives a cleared environment, new sessions, closed descriptors and set-id programs.

Where neither can be had (macOS), there is the process group alone. See docs/decisions/0025-a-cgroup-and-a-mark.md.
"""

# ruff: noqa: PTH102, PTH103, PTH106, PTH110, PTH112, PTH120 (pathlib would cost memory for nothing)
from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from lib.keeper import process_tree
from lib.keeper.fork_into import can_fork_into, fork_into
from lib.keeper.forked import Fork
from lib.keeper.kernel_files import read, write
from lib.keeper.words import JsonObject

CGROUP, MARK, GROUP = "cgroup", "mark", "group"
WAYS = (CGROUP, MARK, GROUP)
RLIMIT_LOCKS = 10
MARK_MIN, MARK_MAX = 1 << 40, 1 << 60
# Whoever follows so closely on another one is of a crowd.
CROWD_SECONDS = 0.0025
_ROOT_OF_ALL = "0::"


class Place:
    """Where the processes of one attempt are: its cgroup, its mark and its process group, as far as it has them.

    Shape:   `is_ours` is whether this very keeper began what lives there.
    """

    def __init__(self, cgroup: str | None = None, mark: int | None = None) -> None:
        self.cgroup = cgroup
        self.mark = mark
        self.group: int | None = None
        self.is_ours = True

    def to_json(self) -> JsonObject:
        return {"cgroup": self.cgroup, "mark": self.mark}

    @classmethod
    def from_json(cls, place: JsonObject) -> Place:
        cgroup, mark = place.get("cgroup"), place.get("mark")
        return cls(cgroup if isinstance(cgroup, str) else None, mark if isinstance(mark, int) else None)


class Containment:
    """Makes places, puts what is spawned into them, and says and ends what is in one.

    Shape:   `base` is the folder of the keeper's cgroups, and `home` leads back into its own; None without.
             `is_marking` says whether marks can be had.
    """

    def __init__(self, base: str | None, home: int | None, *, is_marking: bool) -> None:
        self._base = base
        self._home = home
        self._is_marking = is_marking
        self._spawned: set[int] = set()
        self._is_forking = base is not None and can_fork_into(f"{base}/keeper")
        self._spawned_at = 0.0

    @property
    def way(self) -> str:
        """What keeps attempts together here."""
        if self._base is not None:
            return CGROUP
        return MARK if self._is_marking else GROUP

    def make_place(self, key: str) -> Place:
        """Make a place for an attempt; where its cgroup cannot be made, the mark alone must do."""
        mark = int.from_bytes(os.urandom(8), "big") % (MARK_MAX - MARK_MIN) + MARK_MIN if self._is_marking else None
        if self._base is None:
            return Place(None, mark)
        cgroup = f"{self._base}/{key}.{os.urandom(4).hex()}"
        try:
            os.mkdir(cgroup)
        except OSError:
            return Place(None, mark)
        return Place(cgroup, mark)

    def spawn_into(self, place: Place, spawn: Callable[[Fork | None], int]) -> int:
        """Have something spawned that begins its life in a place; return its process number.

        Where `spawn` is given no fork to begin it with, the keeper itself is in the place meanwhile. It has one
        thread, so nothing else is forked then. If the way back is barred, the keeper must end: whatever it did next
        would happen in the attempt's place.
        """
        fork = self._fork_for(place)
        is_in = fork is None and place.cgroup is not None and write(f"{place.cgroup}/cgroup.procs", b"0")
        if not is_in and fork is None:
            place.cgroup = None
        before = _set_mark(place.mark) if place.mark is not None else None
        try:
            place.group = pid = spawn(fork)
        finally:
            if before is not None:
                resource.setrlimit(RLIMIT_LOCKS, before)
            if is_in:
                self._go_home()
        self._spawned.add(pid)
        self._spawned_at = time.monotonic()
        return pid

    def entrance(self, place: Place) -> int | None:
        """Open a place's cgroup for a process that is begun there by somebody else; None if it has none."""
        if place.cgroup is not None:
            with suppress(OSError):
                return os.open(place.cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        place.cgroup = None
        return None

    def was_entered(self, place: Place, pid: int) -> None:
        """Note that a process has gone into a place by itself, which is a child of ours by now."""
        place.group = pid
        self._spawned.add(pid)
        self._spawned_at = time.monotonic()

    def was_collected(self, pid: int) -> None:
        """Note that the number of what was spawned may be a stranger's from now on."""
        self._spawned.discard(pid)

    def is_empty(self, place: Place, *, is_thorough: bool) -> bool:
        """Say whether nothing lives in a place, and give its cgroup back if so.

        Shape:   `is_thorough` does not take an empty cgroup for proof, as root may have moved something out of it.
        """
        if place.cgroup is not None and os.path.isdir(place.cgroup):
            if not _remove(place.cgroup):
                return False
            if place.is_ours and not is_thorough:
                return True
        if place.mark is not None:
            return not self._marked(place)
        return place.group is None or not _signal_group(place.group, 0)

    def named(self, place: Place) -> list[str]:
        """Name what lives in a place, for a sentence that a person reads."""
        return [process_tree.name(pid) for pid in self._members(place)]

    def ask(self, place: Place) -> None:
        """Send SIGTERM to everything in a place; a stopped process hears it when it goes on."""
        for number in (signal.SIGTERM, signal.SIGCONT):
            self._signal(place, number)

    def kill(self, place: Place) -> None:
        """Send SIGKILL to everything in a place."""
        if place.cgroup is None or not write(f"{place.cgroup}/cgroup.kill", b"1"):
            self._signal(place, signal.SIGKILL)

    def move_out(self) -> None:
        """Leave the keeper's own cgroup and remove it, at the end of the keeper."""
        if self._base is None or self._home is None:
            return
        os.close(self._home)
        self._home = None
        if write(f"{os.path.dirname(self._base)}/cgroup.procs", b"0"):
            _remove(self._base)

    def _fork_for(self, place: Place) -> Fork | None:
        """Give what begins a process in a place; None in a crowd, and where the kernel does not do this.

        A fork copies the keeper and costs several times what spawning does. To move waits long for the first one of a
        crowd, and for nothing for those behind it.
        """
        cgroup = place.cgroup
        is_crowd = time.monotonic() - self._spawned_at < CROWD_SECONDS
        if cgroup is None or is_crowd or not self._is_forking or not os.path.isdir(cgroup):
            return None

        def fork() -> int | None:
            if (pid := fork_into(cgroup)) is None:
                place.cgroup = None  # it is gone, or nobody may be in it: the mark alone must do
            return pid

        return fork

    def _signal(self, place: Place, number: int) -> None:
        if place.cgroup is None and place.mark is None:
            if place.group is not None:
                _signal_group(place.group, number)
            return
        for pid in self._members(place):
            _signal_in(place, pid, number)

    def _members(self, place: Place) -> list[int]:
        found = {*self._marked(place), *(_processes_in(place.cgroup) if place.cgroup is not None else ())}
        return sorted(pid for pid in found if process_tree.is_living(pid))

    def _marked(self, place: Place) -> list[int]:
        if place.mark is None:
            return []
        if not place.is_ours or place.cgroup is not None:
            return process_tree.marked(place.mark)
        # Whoever loses its parent becomes our child: all that is marked hangs on a marked child of ours, which is
        # the command itself or one that we did not spawn.
        orphans = [pid for pid in process_tree.children(os.getpid()) if pid not in self._spawned]
        roots = [*orphans, *([place.group] if place.group is not None else [])]
        return process_tree.below([pid for pid in roots if process_tree.lock_limit(pid) == place.mark])

    def _go_home(self) -> None:
        try:
            assert self._home is not None, "whoever has a place for others has one of its own"
            os.write(self._home, b"0")
        except OSError as error:
            # No OSError: whoever spawns takes those for a start that failed, and tries again.
            raise RuntimeError(f"cannot leave the place of an attempt: {error.strerror}") from error


def contain(name: str, wanted: str | None = None) -> Containment:
    """Find out what can be had here, best first, and begin with it; `wanted` asks for one way or a lesser one.

    Shape:   `name` is the folder of the keeper's cgroups, the same each time for the same keeper.
    """
    is_marking = wanted != GROUP and can_mark()
    own = _own_cgroup() if wanted in (None, CGROUP) else None
    home = _move_in(f"{own}/{name}") if own is not None else None
    return Containment(f"{own}/{name}" if home is not None else None, home, is_marking=is_marking)


def what_can_be_had(wanted: str | None = None) -> str:
    """Find out which way `contain` would go, and leave nothing behind."""
    containment = contain(f"agent-launcher.trial-{os.getpid()}", wanted)
    containment.move_out()
    return containment.way


def can_mark() -> bool:
    """Say whether processes of ours can be given a mark that we can read again."""
    if sys.platform != "linux" or not os.path.exists("/proc/self/limits"):
        return False
    hard = resource.getrlimit(RLIMIT_LOCKS)[1]
    return hard == resource.RLIM_INFINITY or hard > MARK_MAX


def _move_in(base: str) -> int | None:
    """Move into a cgroup below this one, and return what leads there again; None if that is not allowed.

    What can be had is found out by doing it: the rules of delegation have too many parts to be read off.
    """
    try:
        os.makedirs(f"{base}/keeper", exist_ok=True)
        home = os.open(f"{base}/keeper/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return None
    if os.path.exists(f"{base}/keeper/cgroup.kill") and write(f"{base}/keeper/cgroup.procs", b"0"):
        return home
    os.close(home)
    _remove(base)
    return None


def _own_cgroup() -> str | None:
    lines = os.fsdecode(read("/proc/self/cgroup")).splitlines()
    own = next((line.removeprefix(_ROOT_OF_ALL) for line in lines if line.startswith(_ROOT_OF_ALL)), None)
    mounts = os.fsdecode(read("/proc/self/mountinfo")).splitlines()
    for words in (line.split() for line in mounts if " - cgroup2 " in line):
        root, mounted_at = words[3], words[4]
        if own is not None and (own + "/").startswith(root.rstrip("/") + "/"):
            return (mounted_at + "/" + own[len(root.rstrip("/")) :].lstrip("/")).rstrip("/")
    return None


def _is_in(place: Place, pid: int) -> bool:
    if place.mark is not None and process_tree.lock_limit(pid) == place.mark:
        return True
    return place.cgroup is not None and pid in _processes_in(place.cgroup)


def _set_mark(mark: int) -> tuple[int, int]:
    before = resource.getrlimit(RLIMIT_LOCKS)
    resource.setrlimit(RLIMIT_LOCKS, (mark, before[1]))
    return before


def _processes_in(cgroup: str) -> list[int]:
    folders = [folder for folder, _, _ in os.walk(cgroup)]
    return [int(line) for folder in folders for line in read(f"{folder}/cgroup.procs").split()]


def _remove(cgroup: str) -> bool:
    """Remove a cgroup and what was made below it; False while something lives in it."""
    with suppress(OSError):
        os.rmdir(cgroup)  # which the kernel refuses as long as something lives in it, or another one is below
        return True
    if b"populated 0" in read(f"{cgroup}/cgroup.events"):
        with suppress(OSError):
            for folder, _, _ in os.walk(cgroup, topdown=False):
                os.rmdir(folder)
    return not os.path.isdir(cgroup)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _signal_in(place: Place, pid: int, number: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Looked at again with the descriptor in hand: the number may belong to a stranger by now.
        if _is_in(place, pid):
            signal.pidfd_send_signal(pidfd, signal.Signals(number))
    except OSError:
        return
    finally:
        os.close(pidfd)
