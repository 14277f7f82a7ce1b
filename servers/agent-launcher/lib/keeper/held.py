"""One attempt in a keeper's hands; standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from lib.keeper.containment import Place
from lib.keeper.spawn import Launch
from lib.keeper.words import RECORD_ENDED, RECORD_GRANTED, RECORD_ORDERED, RECORD_SPAWNED, RECORD_STOPPING, JsonObject


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
        self.is_ours = True
        self.verdict: JsonObject | None = None

        self.pid: int | None = None
        self.start_time = ""
        self.started_at: float | None = None
        self.began: float | None = None
        self.exit_code: int | None = None
        self.is_over = False  # the command itself, whatever is left of its tree
        self.over_at: float | None = None  # None for one that ended while no keeper was there to see it
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
        launch = self.launch.limits()
        if self.phase is Phase.ORDERED:
            launch = self.launch.whole()
        yield self.order_record(launch)
        if self.phase is not Phase.ORDERED and (self.verdict is None or self.left_something):
            yield self.grant_record()
            if self.pid is not None:
                yield self.spawn_record()
            if self.reason is not None:
                yield self.stop_record()
        if self.verdict is not None:
            yield self.end_record()

    def order_record(self, launch: JsonObject) -> JsonObject:
        return {
            "kind": RECORD_ORDERED,
            "key": self.key,
            "boot": self.boot,
            "run_path": self.launch.run_path,
            "job": self.job,
            "launch": launch,
        }

    def grant_record(self) -> JsonObject:
        return {"kind": RECORD_GRANTED, "key": self.key, "boot": self.boot, "place": self.place.to_json()}

    def spawn_record(self) -> JsonObject:
        return {
            "kind": RECORD_SPAWNED,
            "key": self.key,
            "pid": self.pid,
            "start_time": self.start_time,
            "started_at": self.started_at,
            "began": self.began,
        }

    def stop_record(self) -> JsonObject:
        return {"kind": RECORD_STOPPING, "key": self.key, "reason": self.reason}

    def end_record(self) -> JsonObject:
        return {"kind": RECORD_ENDED, "key": self.key, "verdict": self.verdict}
