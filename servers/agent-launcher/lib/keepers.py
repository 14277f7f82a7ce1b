"""The launcher's side of its keepers: what they are told, and what they say.

One keeper takes all new attempts. A keeper of an older version goes on with what it holds until that is over. A word
that was lost because a keeper died is said again by whoever reconciles the table with what the next keeper holds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lib.attempt.attempt import Attempt
from lib.errors import AttemptAlreadyHere, JobRefused, OrderFailed
from lib.keeper import words
from lib.machine.keeper_lines import Heard
from lib.machine.machine import KeeperLines, Machine
from lib.version import VERSION
from lib.wire.models import Json, JsonObject, text_of

log = logging.getLogger("agent-launcher")

ANSWER_SECONDS = 20.0
FULL, HERE, LIVES = "disk", "here", "session_lives"


@dataclass(slots=True)
class Order:
    """An attempt that a keeper was told of, and what it answered."""

    key: str
    message: JsonObject
    is_answered: threading.Event
    give_up_at: float
    answer: JsonObject | None = None


class Keepers:
    """Speaks to keepers; any thread may, but only one waits for what they say.

    Shape:   `warm` tells which commands can be started warm at the moment, and with what.
    """

    def __init__(
        self,
        lines: KeeperLines,
        environment: Mapping[str, str],
        machine: Machine,
        warm: Callable[[], list[JsonObject]] = list,
    ) -> None:
        self._lines = lines
        self._warm = warm
        self._environment: dict[str, Json] = dict(environment)
        self._lock = machine.lock()
        self._greeted: dict[str, str] = {}  # the keepers that answered, with their version
        self._flag = machine.flag
        self._monotonic = machine.monotonic
        self._orders: dict[str, Order] = {}
        self._collected: list[JsonObject] = []

    def names(self) -> list[str]:
        """Name every keeper that has left something here, and at least one."""
        return self._lines.names() or ["1"]

    def open(self, name: str) -> bool:
        """Reach a keeper that lives, or have one begin in its place; False if neither can be now."""
        if not self._lines.open(name):
            return False
        hello: JsonObject = {"say": words.HELLO, "version": VERSION, "environment": self._environment}
        self._lines.send(name, {**hello, "warm": [*self._warm()]})
        return True

    def greeted(self, name: str, message: JsonObject) -> None:
        """Note that a keeper has answered, and tell it what the one before it may not have heard of."""
        with self._lock:
            self._greeted[name] = text_of(message, "version") or ""
            orders = list(self._orders.values()) if name == self.current() else []
        # Told now, not before: those too that were collected while it came up. An order takes its time to be recorded.
        for collected in self._collected:
            self._lines.send(name, collected)
        for order in orders:
            self._lines.send(name, order.message)

    def lost(self, name: str) -> None:
        """Note that a keeper is gone."""
        with self._lock:
            self._greeted.pop(name, None)

    def current(self) -> str | None:
        """Name the keeper for new attempts: one of our own version, once it has answered."""
        return next((name for name, version in sorted(self._greeted.items()) if version == VERSION), None)

    def has_greeted(self, name: str) -> bool:
        return name in self._greeted

    def others(self) -> list[str]:
        """Name the keepers that have answered and get no new attempts."""
        return [name for name in self._greeted if name != self.current()]

    def order(self, key: str, job: JsonObject, run_path: str, launch: JsonObject) -> Order:
        """Have an attempt kept ready, of which nothing runs before `go`; `taken` says whether it is."""
        message: JsonObject = {"say": words.ORDER, "key": key, "job": job, "run_path": run_path, "launch": launch}
        order = Order(key, message, self._flag(), self._monotonic() + ANSWER_SECONDS)
        with self._lock:
            self._orders[key] = order
            current = self.current()
        if current is not None:
            self._lines.send(current, message)
        return order

    def taken(self, order: Order) -> str:
        """Wait until an order is answered and return the name of the keeper that has it.

        Errors:  OrderFailed; AttemptAlreadyHere, if the keeper knows this attempt and it has run; JobRefused, if
                 something of its session lives that could not be ended.
        """
        order.is_answered.wait(max(0.0, order.give_up_at - self._monotonic()))
        with self._lock:
            self._orders.pop(order.key, None)
        if order.answer is None:
            self.take_back(order.key)  # one that was only slow reads this behind the order
            raise OrderFailed(f"the keeper of jobs did not answer within {ANSWER_SECONDS:.0f} s")
        keeper = self._name_in(order.key, order.answer)
        for other in list(self._greeted):
            if other != keeper:
                # One that greeted meanwhile may have been given the order too: two must never hold one attempt.
                self._lines.send(other, {"say": words.DROP, "key": order.key})
        return keeper

    def go(self, attempt: Attempt) -> None:
        """Have a granted attempt run, unless it was told to end meanwhile; saying it twice is fine."""
        if attempt.stop is not None:
            self.stop(attempt, attempt.stop)
        elif attempt.keeper is not None:
            self._lines.send(attempt.keeper, {"say": words.GO, "key": attempt.key})

    def stop(self, attempt: Attempt, reason: str) -> None:
        """Have an attempt ended by the ladder; asking twice is fine."""
        if attempt.keeper is not None:
            self._lines.send(attempt.keeper, {"say": words.STOP, "key": attempt.key, "reason": reason})

    def forget(self, name: str, key: str) -> None:
        """Have an attempt forgotten that is over, or of which nothing ran."""
        for say in (words.DROP, words.ACKNOWLEDGE):
            self._lines.send(name, {"say": say, "key": key})

    def take_back(self, key: str) -> None:
        """Have an order forgotten of which nothing ran, by whoever has it."""
        for name in list(self._greeted):
            self._lines.send(name, {"say": words.DROP, "key": key})

    def answered(self, name: str, message: JsonObject) -> bool:
        """Hand the answer to an order to whoever waits for it; False if nobody does any more."""
        with self._lock:
            order = self._orders.get(str(message.get("key")))
        if order is None:
            return False
        order.answer = {**message, "keeper": name}
        order.is_answered.set()
        return True

    def wait(self, seconds: float) -> list[Heard]:
        """Wait for words of any keeper, for a cut line, or for `wake`."""
        return self._lines.wait(seconds)

    def wake(self) -> None:
        """End the present wait."""
        self._lines.wake()

    def retire(self, name: str) -> None:
        """Let a keeper go that holds nothing any more, and delete its folder."""
        self.lost(name)
        self._lines.discard(name)

    def close(self) -> None:
        """Hang up; each keeper leaves when nothing of it runs."""
        for name in self._lines.names():
            self._lines.close(name)

    def collect(self) -> list[JsonObject]:
        """Take the exit codes of processes whose keeper died, and tell every keeper."""
        new = self._lines.collect()
        self._collected = [*self._collected, *new][-1000:]
        for collected in new:
            for name in list(self._greeted):
                self._lines.send(name, collected)
        return new

    @staticmethod
    def _name_in(key: str, answer: JsonObject) -> str:
        if answer.get("say") == words.ORDERED:
            return str(answer["keeper"])
        if answer.get("code") == HERE:
            raise AttemptAlreadyHere(f"cannot start {key!r}: this attempt was already run here")
        if answer.get("code") == LIVES:
            raise JobRefused(LIVES, text_of(answer, "error") or "something of its session lives")
        raise OrderFailed(text_of(answer, "error") or "the keeper of jobs refused the order")
