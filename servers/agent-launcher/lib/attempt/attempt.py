"""One attempt in this launcher's hands, and what can become of it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from lib.attempt.folder import RunFolder
from lib.attempt.output import OutputCursor
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine
from lib.wire.models import Job, JsonObject, integer_of


class Phase(Enum):
    """Where an attempt is on its way; a later phase is never followed by an earlier one."""

    BEGINNING = "beginning"  # the starter has it in hand
    UNBEGUN = "unbegun"  # ordered, and perhaps granted, by a launcher that ended: to be given back
    RUNNING = "running"  # granted, and its keeper was told to run it
    ENDED = "ended"  # to be delivered


class Attempt:
    """What is known of one attempt; whoever works on it returns a change, and the registry alone makes it.

    It is the handle that the mission's supervisor expects of a Popen: `pid`, `poll()`, `returncode`. The process
    itself is its keeper's.
    """

    def __init__(self, job: Job, folder: RunFolder, machine: Machine) -> None:
        self.job = job
        self.folder = folder
        self.taken_at = machine.monotonic()
        self.phase = Phase.BEGINNING
        self.keeper: str | None = None
        self.pid: int | None = None
        self.started_at: datetime | None = None
        self.verdict: JsonObject | None = None
        self.stop: str | None = None  # the reason, once it is to end
        self.output = OutputCursor(machine)
        self.backoff = Backoff(machine.chance())
        self.tries = 0
        self.is_reported = False
        self.is_over = False  # delivered or dropped; the table lets go of it as soon as its keeper was told to
        self.drop_reason: str | None = None
        self.ticket = 0

    @property
    def key(self) -> str:
        return self.folder.key

    @property
    def is_at_work(self) -> bool:
        """Whether it takes a place: it runs, or will if it turns out that it may."""
        return self.phase is not Phase.ENDED

    @property
    def is_held(self) -> bool:
        """Whether the runtime is told that we have it."""
        return self.drop_reason is None and (self.phase is not Phase.ENDED or not self.is_reported)

    @property
    def is_end_unreported(self) -> bool:
        """Whether the runtime has still to be told how it ended."""
        return self.phase is Phase.ENDED and not self.is_reported and self.drop_reason is None

    @property
    def returncode(self) -> int | None:
        """The exit code when it is over, minus the signal's number as Popen has it."""
        if self.verdict is None:
            return None
        code, number = integer_of(self.verdict, "exit_code"), integer_of(self.verdict, "signal")
        return code if code is not None else -(number or signal.SIGKILL)

    def poll(self) -> int | None:
        """Return the exit code if it is over, else None."""
        return self.returncode


@dataclass(frozen=True, slots=True)
class Unbegun:
    """It was ordered and, as far as we know, not granted: it is to be given back."""


@dataclass(frozen=True, slots=True)
class Began:
    """It was granted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Its keeper said how it ended."""

    verdict: JsonObject


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing came of this try; the next one is in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reported:
    """The runtime knows its end; its output is still to follow."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The runtime knows all of it, or wants none of it: it is over."""

    note: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nothing of it ran, and nothing will: it is over."""

    note: str


Change: TypeAlias = Unbegun | Began | Ended | Later | Reported | Delivered | Dropped
