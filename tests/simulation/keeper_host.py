"""What a keeper of the simulation stands on: a host and a journal's file that may fail it, or end it, at each step."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lib.keeper.containment import MARK, Place
from lib.keeper.host import NOTE_BYTES_RESERVED
from lib.keeper.spawn import Launch, NoProcessError, SpawnError
from lib.keeper.words import JsonObject
from simulation.disk import Pages, no_room
from simulation.processes import Process, read_outcome

if TYPE_CHECKING:
    from simulation.keepers import KeeperProcess

MARKS = 1 << 40


class SimHost:
    """What a keeper stands on, as far as it uses a host."""

    def __init__(self, keeper: KeeperProcess) -> None:
        self.boot_id = keeper.machine.boot
        self.way = keeper.machine.keepers.way
        self._keeper = keeper
        self._machine = keeper.machine
        self._world = keeper.world
        self._adopted: dict[int, Process] = {}

    def now(self) -> float:
        return self._machine.monotonic()

    def wall_time(self) -> float:
        return self._machine.wall_time()

    def begin_with(self, environment: Mapping[str, str], warm: list[JsonObject]) -> None:
        del environment, warm

    def make_output(self, launch: Launch) -> None:
        self._keeper.effect("make the output")
        path = Path(launch.output_path)
        if not self._machine.disk.exists(path):
            self._machine.disk.put(path, b"", is_synced=False)
        self._keeper.effect("make room for the note")
        self._machine.disk.put(Path(launch.outcome_path), b" " * NOTE_BYTES_RESERVED, is_synced=False)

    def make_place(self, key: str) -> Place:
        self._keeper.begun[key] = self._world.agenda.now
        self._keeper.effect("make a place")
        mark = self._world.chance.randrange(MARKS)
        self._machine.processes.keys[mark] = key
        if self.way == MARK or self._world.faults.cgroup_refused():
            return Place(None, mark)
        return Place(f"{key}.{mark:x}", mark)

    def spawn(self, launch: Launch, place: Place) -> int:
        self._keeper.effect("spawn a command")
        if self._world.faults.fork_fails():
            raise NoProcessError("cannot start it: Resource temporarily unavailable")
        if self._world.faults.command_missing():
            raise SpawnError("spawn_failed", "cannot start it: no such command")
        if place.cgroup is not None and self._world.faults.cgroup_refused():
            place.cgroup = None
        job_id, _, attempt = Path(launch.run_path).name.rpartition(".")
        session_name = launch.argv[1]
        begun = self._machine.processes.spawn(launch, place, job_id, int(attempt), session_name, self._keeper)
        self._keeper.unrecorded.append(begun.run)
        begun.run.began_at = self._keeper.begun[begun.run.key]
        place.group = begun.pid
        return begun.pid

    def start_time(self, pid: int) -> str:
        return self._machine.processes.start_time(pid)

    def adopt(self, pid: int, start_time: str) -> bool:
        self._keeper.effect("adopt a command")
        found = self._machine.processes.find(pid)
        if found is None or found.start_time != start_time or not found.is_living:
            return False
        self._adopted[pid] = found
        found.watchers.append(self._keeper)
        return True

    def ended(self) -> list[tuple[int, int | None]]:
        found: list[tuple[int, int | None]] = []
        zombies = list(self._keeper.zombies)
        self._keeper.zombies.clear()
        for process in zombies:
            self._machine.processes.reap(process)
            found.append((process.pid, process.code))
        for pid, process in list(self._adopted.items()):
            if not process.is_living:
                del self._adopted[pid]
                found.append((pid, None))
        return found

    def watched(self) -> list[int]:
        return []

    def ask(self, place: Place) -> None:
        self._note_reason(place)
        self._keeper.effect("ask a command to end")
        for process in self._within(place):
            self._machine.processes.ask(process)

    def kill(self, place: Place) -> None:
        self._keeper.effect("kill what is left")
        for process in self._within(place):
            self._world.checks.kills(process)
            self._machine.processes.kill(process)

    def is_empty(self, place: Place, *, is_thorough: bool) -> bool:
        del is_thorough  # nobody moves anything out of its cgroup here
        return not self._within(place)

    def named(self, place: Place) -> list[str]:
        return [f"daemon (pid {process.pid})" for process in self._within(place)]

    def output_bytes(self, launch: Launch) -> int:
        try:
            return self._machine.disk.size(Path(launch.output_path))
        except OSError:
            return 0

    def last_write(self, path: str) -> float | None:
        try:
            return self._machine.disk.modified_at(Path(path))
        except OSError:
            return None

    def read_outcome(self, launch: Launch) -> JsonObject:
        return read_outcome(self._machine.disk, Path(launch.outcome_path))

    def _note_reason(self, place: Place) -> None:
        """Find out from outside why a command is told to end: a launcher said so, or its time is over."""
        told = self._world.ledger.of_key(self._machine.processes.keys[place.mark])
        if told is not None and told.stop_said_at is None:
            told.stop_said_at = self._world.agenda.now
        for process in self._within(place):
            if process.is_command:
                run, limit = process.run, process.launch.timeout_seconds
                is_late = limit and self._world.agenda.now >= run.began_at + limit
                reason = self._keeper.told.pop(run.key, "timed_out" if is_late else "nothing that was said")
                run.asked.append(reason)
                self._world.checks.asked_to_stop(run, reason)

    def _within(self, place: Place) -> list[Process]:
        return self._machine.processes.within(place, self._keeper if place.is_ours else None)


class SimFile:
    """The journal's file: each change is a moment at which the keeper may die, or the disk refuse."""

    def __init__(self, keeper: KeeperProcess, path: Path) -> None:
        self._keeper = keeper
        self._path = path
        self._pages: Pages = keeper.machine.disk.pages(path)

    def read(self) -> bytes:
        return bytes(self._pages.content)

    def reserve(self, size: int) -> None:
        self._begin("reserve room", is_growing=size > len(self._pages.content))
        self._pages.resize(max(size, len(self._pages.content)))

    def write(self, offset: int, content: bytes) -> None:
        self._keeper.life.check()
        if self._keeper.world.faults.keeper_dies_here():
            self._pages.write(offset, content[: self._keeper.world.chance.randrange(len(content))])
            self._keeper.dies_here("in the middle of a record")
        self._begin("write records", is_growing=offset + len(content) > len(self._pages.content))
        self._pages.write(offset, content)

    def sync(self) -> None:
        self._begin("sync its journal", is_growing=False)
        self._pages.sync()

    def replace(self, content: bytes) -> None:
        self._begin("write its journal anew", is_growing=True)
        self._pages.replace(content)

    def _begin(self, what: str, *, is_growing: bool) -> None:
        self._keeper.effect(what)
        if is_growing and self._keeper.machine.disk.is_full:
            self._keeper.disk_failed = True
            raise no_room(self._path)
        if self._keeper.world.faults.journal_fails():
            self._keeper.disk_failed = True
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self._path))
