"""A machine that a test made up for a keeper: its clock, its processes and its disk do what the test says."""

# ruff: noqa: ARG002  (a made-up machine does not look at what it is asked for)
from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import cast

from lib.keeper import words
from lib.keeper.containment import Containment, Place
from lib.keeper.host import Host
from lib.keeper.journal import Journal
from lib.keeper.keeper import Keeper
from lib.keeper.spawn import Launch
from lib.wire.models import JsonObject


class MadeUpDisk:
    """A journal's file in memory; `room` is how many bytes it takes."""

    def __init__(self, content: bytes = b"", room: int = 1 << 30) -> None:
        self.content = bytearray(content)
        self.room = room
        self.has_room_for_another = True
        self.deeds: list[str] = []

    def read(self) -> bytes:
        return bytes(self.content)

    def reserve(self, size: int) -> None:
        self._check(size)
        self.content.extend(bytes(max(0, size - len(self.content))))

    def write(self, offset: int, content: bytes) -> None:
        self._check(offset + len(content))
        self.content.extend(bytes(max(0, offset - len(self.content))))
        self.content[offset : offset + len(content)] = content
        self.deeds.append("write")

    def sync(self) -> None:
        self.deeds.append("sync")

    def replace(self, content: bytes) -> None:
        self._check(len(content) if self.has_room_for_another else 1 << 40)
        self.content[:] = content
        self.deeds.append("replace")

    def _check(self, size: int) -> None:
        if size > max(self.room, len(self.content)):
            raise OSError(errno.ENOSPC, "No space left on device")


class MadeUpHost:
    """Processes are numbers; a place is empty when the test says so."""

    boot_id = "this boot"
    way = "made up"

    def __init__(self) -> None:
        self.clock = 1000.0
        self.next_pid = 100
        self.start_times: dict[int, str] = {}
        self.ends: list[tuple[int, int | None]] = []
        self.spawned: list[str] = []
        self.refusals: list[Exception] = []
        self.is_everything_empty = True
        self.output_size = 0
        self.asked = 0
        self.killed = 0
        self.outcome: JsonObject = {}
        self.written: dict[str, float] = {}
        self.wall_offset = 1_700_000_000.0

    def now(self) -> float:
        return self.clock

    def wall_time(self) -> float:
        return self.wall_offset + self.clock

    def begin_with(self, environment: Mapping[str, str], warm: list[JsonObject]) -> None:
        """Environments are nothing here."""

    def make_output(self, launch: Launch) -> None:
        """Output goes nowhere."""

    def make_place(self, key: str) -> Place:
        return Place()

    def spawn(self, launch: Launch, place: Place) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        self.spawned.append(launch.argv[0])
        self.start_times[self.next_pid] = f"born-{len(self.spawned)}"
        return self.next_pid

    def start_time(self, pid: int) -> str:
        return self.start_times.get(pid, "")

    def adopt(self, pid: int, start_time: str) -> bool:
        return bool(start_time) and self.start_times.get(pid) == start_time

    def ended(self) -> list[tuple[int, int | None]]:
        ends, self.ends = self.ends, []
        return ends

    def ask(self, place: Place) -> None:
        self.asked += 1

    def kill(self, place: Place) -> None:
        self.killed += 1

    def is_empty(self, place: Place, *, is_thorough: bool) -> bool:
        return self.is_everything_empty

    def named(self, place: Place) -> list[str]:
        return ["deaf (pid 7)"]

    def output_bytes(self, launch: Launch) -> int:
        return self.output_size

    def last_write(self, path: str) -> float | None:
        return self.written.get(path)

    def read_outcome(self, launch: Launch) -> JsonObject:
        return self.outcome


class KeeperInHand:
    """A keeper on a made-up machine; nothing happens in it but what the test does."""

    def __init__(self, host: MadeUpHost, disk: MadeUpDisk) -> None:
        self.host, self.disk = host, disk
        self.keeper = Keeper(cast("Host", host), cast("Containment", host), Journal(disk), "1")
        self.keeper.take_over()

    def order(self, key: str = "job_1.1", **launch: float) -> list[JsonObject]:
        self.keeper.hear({"say": words.ORDER, "key": key, "run_path": "/r", "launch": {"argv": [key], **launch}})
        return self.keeper.answers()

    def say(self, say: str, key: str = "job_1.1", **fields: str | float) -> list[JsonObject]:
        self.keeper.hear({"say": say, "key": key, **fields})
        return self.keeper.answers()

    def run(self, key: str = "job_1.1", **launch: float) -> None:
        self.order(key, **launch)
        self.say(words.GO, key)

    def pass_time(self, seconds: float) -> list[JsonObject]:
        """Let time pass, and wake the keeper whenever it wants to be."""
        end = self.host.clock + seconds
        said: list[JsonObject] = []
        while True:
            self.keeper.look()
            said += self.keeper.answers()
            wait = self.keeper.seconds_to_wait()
            if wait is None or self.host.clock + wait > end:
                break
            self.host.clock += max(wait, 0.0001)
        self.host.clock = end
        self.keeper.look()
        return said + self.keeper.answers()

    def verdict(self, said: list[JsonObject], key: str = "job_1.1") -> JsonObject | None:
        """The end among what was said."""
        ends = [message for message in said if message["say"] == words.ENDED and message["key"] == key]
        assert len(ends) <= 1, "an end is told once"
        return words.object_of(ends[0]["verdict"]) if ends else None

    def heir(self) -> KeeperInHand:
        """Kill it, and let the next one take over."""
        return KeeperInHand(self.host, self.disk)
