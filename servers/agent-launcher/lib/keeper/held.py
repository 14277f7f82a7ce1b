"""One attempt in a keeper's hands, and the records by which a later keeper goes on; standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum

from lib.keeper import words
from lib.keeper.containment import Place
from lib.keeper.spawn import Launch
from lib.keeper.words import JsonObject, object_of


class Phase(IntEnum):
    """Phases only move forward."""

    ORDERED = 0  # nothing of it has run
    WAITING = 1  # granted, and the machine has no process for it yet
    RUNNING = 2
    ENDING = 3  # its command is over or was told to be; what is left of its tree is being ended
    CLEARED = 4  # nothing of it lives; its exit code may still come from whoever collected it
    ENDED = 5


class Held:
    """What is known of one attempt, and what is next for it and when.

    Units:   moments are seconds of the host's monotonic clock, but `started_at`, which is of the wall's.
    """

    def __init__(self, key: str, job: JsonObject, launch: Launch, boot: str) -> None:
        self.key = key
        self.job = job
        self.launch = launch
        self.boot = boot
        self.phase = Phase.ORDERED
        self.place = Place()
        self.verdict: JsonObject | None = None

        self.pid: int | None = None
        self.start_time = ""
        self.started_at: float | None = None
        self.began: float | None = None
        self.exit_code: int | None = None
        self.is_over = False  # the command itself, whatever is left of its tree
        self.over_at: float | None = None  # None for one that ended while no keeper was there to see it
        self.is_waited_for = False  # its exit code, for as long as it may take to be told
        self.reason: str | None = None

        self.waiting_since: float | None = None
        self.pause = 0.0
        self.due: float | None = None
        self.ends_at: float | None = None
        self.kill_at: float | None = None
        self.give_up_at: float | None = None
        self.output_due: float | None = None
        self.output_pace = 0.0
        self.output_bytes = 0
        self.leftovers: list[str] = []
        self.is_acknowledged = False

    @property
    def left_something(self) -> bool:
        """Whether something of it lived when it was given up to end it."""
        return self.verdict is not None and bool(self.verdict.get("leftovers"))

    def is_running(self) -> bool:
        """Say whether something of it may be alive."""
        return Phase.WAITING <= self.phase <= Phase.CLEARED

    def next_due(self) -> float | None:
        """When to look at it next although nothing happens; None if that is not needed."""
        if self.phase is Phase.RUNNING:
            moments = [at for at in (self.ends_at, self.kill_at, self.output_due) if at is not None]
            return min(moments, default=None)
        return self.due

    def to_json(self) -> JsonObject:
        """Describe it to a launcher."""
        phase = {Phase.ORDERED: "ordered", Phase.ENDED: "ended"}.get(self.phase, "running")
        return {
            "key": self.key,
            "job": self.job,
            "phase": phase,
            "pid": self.pid,
            "started_at": self.started_at,
            "verdict": self.verdict,
        }

    def records(self) -> Iterator[JsonObject]:
        """Write it as the records that a later keeper needs."""
        yield self.record(words.RECORD_ORDERED)
        if self.phase is not Phase.ORDERED and (self.verdict is None or self.left_something):
            yield self.record(words.RECORD_GRANTED)
            if self.pid is not None:
                yield self.record(words.RECORD_SPAWNED)
            if self.reason is not None:
                yield self.record(words.RECORD_STOPPING)
        if self.verdict is not None:
            yield self.record(words.RECORD_ENDED)

    def record(self, kind: str) -> JsonObject:
        """Write down one thing that happened to it."""
        facts: JsonObject = {"kind": kind, "key": self.key}
        match kind:
            case words.RECORD_ORDERED:
                launch = self.launch.whole() if self.phase is Phase.ORDERED else self.launch.limits()
                facts |= {"boot": self.boot, "run_path": self.launch.run_path, "job": self.job, "launch": launch}
            case words.RECORD_GRANTED:
                facts |= {"boot": self.boot, "place": self.place.to_json()}
            case words.RECORD_SPAWNED:
                facts |= {"pid": self.pid, "start_time": self.start_time}
                facts |= {"started_at": self.started_at, "began": self.began}
            case words.RECORD_STOPPING:
                facts |= {"reason": self.reason}
            case words.RECORD_ENDED:
                facts |= {"verdict": self.verdict}
        return facts

    def learn(self, record: JsonObject) -> None:
        """Take over what a record says that happened to it."""
        match record.get("kind"):
            case words.RECORD_GRANTED:
                self.phase = Phase.RUNNING
                self.boot = str(record.get("boot"))
                self.place = Place.from_json(object_of(record.get("place")))
            case words.RECORD_SPAWNED:
                self.phase = Phase.RUNNING  # whatever became of the record of its grant
                pid, began, started_at = record.get("pid"), record.get("began"), record.get("started_at")
                self.pid = self.place.group = pid if isinstance(pid, int) else None
                self.start_time = str(record.get("start_time") or "")
                self.began = began if isinstance(began, float) else None
                self.started_at = started_at if isinstance(started_at, float) else None
            case words.RECORD_STOPPING:
                self.reason = str(record.get("reason"))
            case words.RECORD_ENDED:
                self.phase = Phase.ENDED
                self.verdict = object_of(record.get("verdict"))


def ordered(key: str, told: JsonObject, boot: str) -> Held:
    """Read an attempt from its order, or from the record of that."""
    launch = Launch(str(told.get("run_path")), object_of(told.get("launch")))
    return Held(key, object_of(told.get("job")), launch, boot)


def remember(records: Iterable[JsonObject]) -> dict[str, Held]:
    """Read every attempt that is not acknowledged; a record of one that was never ordered says nothing."""
    held: dict[str, Held] = {}
    for record in records:
        key = str(record.get("key"))
        if record.get("kind") == words.RECORD_ORDERED:
            held[key] = ordered(key, record, str(record.get("boot")))
        elif record.get("kind") == words.RECORD_ACKNOWLEDGED:
            held.pop(key, None)
        elif key in held:
            held[key].learn(record)
    return held
