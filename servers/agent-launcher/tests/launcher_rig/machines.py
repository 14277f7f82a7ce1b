"""Machines whose clock, chance, disk or keepers are a test's; everything else of them is real."""

# ruff: noqa: ARG002  (what a test plays does not look at what it is asked for)
from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.keeper import words
from lib.machine.disk import Disk
from lib.machine.keeper_lines import Heard
from lib.machine.machine import Machine
from lib.wire.models import JsonObject


class HeldTime(Machine):
    """Time passes when the test says so; threads and what they wait for are real."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


class HeldClock(HeldTime):
    """And who waits for a time only lets it pass."""

    def flag(self) -> threading.Event:
        return _Flag(self)


class _Flag(threading.Event):
    """An event whose waits take no time but the clock's."""

    def __init__(self, clock: HeldClock) -> None:
        self._clock = clock
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._is_set:
            self._clock.now += timeout or 0.0
        return self._is_set


class Seeded(Machine):
    """Chance is the test's."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seeded = random.Random(seed)

    def chance(self) -> random.Random:
        return self._seeded


class SmallDisk(Disk):
    """A disk that says how much of it is free."""

    def __init__(self, free: int) -> None:
        self.free = free

    def free_bytes(self, path: Path) -> int:
        return self.free


class PlayedKeepers:
    """Lines whose other end the test plays: what is sent is kept, and what the test says is heard."""

    def __init__(self, folders: list[str] | None = None) -> None:
        self.folders = folders or []
        self.opened: list[str] = []
        self.discarded: list[str] = []
        self.sent: list[tuple[str, JsonObject]] = []
        self.fallen: list[JsonObject] = []
        self.can_open = True
        self.on_open: Callable[[str], None] = lambda _: None
        self.on_send: Callable[[str, JsonObject], None] = lambda *_: None
        self.on_wait: Callable[[float], None] = lambda _: None
        self._heard: list[Heard] = []

    def play(self, keeper: str, say: str, **fields: object) -> None:
        """Have a keeper say something; it is heard at the next wait."""
        self._heard.append(Heard(keeper, {"say": say, **fields}))  # type: ignore[dict-item]

    def greet(self, keeper: str, version: str, *attempts: JsonObject) -> None:
        self.play(keeper, words.HELLO, version=version, attempts=[*attempts])

    def cut(self, keeper: str) -> None:
        """Have a keeper's line end."""
        self._heard.append(Heard(keeper, None))

    def said(self, say: str, keeper: str | None = None) -> list[JsonObject]:
        """What keepers were told under one name."""
        return [message for name, message in self.sent if message["say"] == say and keeper in (None, name)]

    def names(self) -> list[str]:
        return sorted(self.folders)

    def open(self, name: str) -> bool:
        self.opened.append(name)
        if self.can_open:
            self.folders = sorted({*self.folders, name})
            self.on_open(name)
        return self.can_open

    def close(self, name: str) -> None:
        """Nothing is open but in the test's head."""

    def discard(self, name: str) -> None:
        self.discarded.append(name)
        self.folders.remove(name)

    def send(self, name: str, message: JsonObject) -> None:
        self.sent.append((name, message))
        self.on_send(name, message)

    def wait(self, seconds: float) -> list[Heard]:
        self.on_wait(seconds)
        heard, self._heard = self._heard, []
        return heard

    def wake(self) -> None:
        """Nobody waits."""

    def collect(self) -> list[JsonObject]:
        fallen, self.fallen = self.fallen, []
        return fallen


class OnPlayedKeepers(HeldClock):
    """A machine whose keepers the test plays."""

    def __init__(self, lines: PlayedKeepers) -> None:
        super().__init__()
        self.lines = lines

    def keeper_lines(self, folder: Path, way: str, environment: Mapping[str, str]) -> PlayedKeepers:
        return self.lines
