"""The keepers of a machine: the real keeper on a host, a disk and lines that are made up."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, cast

from greenlet import GreenletExit

from lib.keeper import words
from lib.keeper.containment import CGROUP, MARK, Containment
from lib.keeper.host import Host as KeeperHost
from lib.keeper.journal import Journal
from lib.keeper.keeper import Keeper
from lib.keeper.words import JsonObject, object_of
from lib.version import VERSION
from lib.wire.models import objects_of
from simulation.fibers import Fiber, Life, SimCondition
from simulation.keeper_host import SimFile, SimHost
from simulation.ledger import Run
from simulation.lines import Line, SimLines
from simulation.processes import Process

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.world import World

OLD_VERSION = "0.0.1"


class Keepers:
    """All keepers of one machine; each folder's lock lets one of them live."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.folder = folder
        self.way = host.world.chance.choice((CGROUP, CGROUP, MARK))
        self._host = host
        self._processes: list[KeeperProcess] = []

    def living(self) -> list[KeeperProcess]:
        """List those that live, those that are not up yet too."""
        return [keeper for keeper in self._processes if keeper.life.is_alive]

    def reachable(self, name: str) -> KeeperProcess | None:
        """Find the keeper that listens in a folder."""
        return next((keeper for keeper in self.living() if keeper.name == name and keeper.is_listening), None)

    def is_locked(self, name: str) -> bool:
        """Say whether a keeper lives in a folder."""
        return any(keeper.name == name and keeper.has_lock for keeper in self.living())

    def start(self, name: str, parent: SimLines) -> KeeperProcess:
        """Start a keeper in a folder."""
        keeper = KeeperProcess(self._host, name, parent)
        self._processes = [*self.living(), keeper]
        return keeper

    def become_old(self) -> None:
        """Let those that live be of a version that is no longer the launcher's."""
        for keeper in self.living():
            keeper.become_old()

    def parent_died(self, lines: SimLines) -> None:
        """Let nobody stand above those that a launcher had started."""
        for keeper in self.living():
            if keeper.parent is lines:
                keeper.parent = None

    def lose_power(self) -> None:
        """Let all be gone at once."""
        for keeper in self.living():
            keeper.life.die()
        self._processes.clear()

    def holding(self) -> list[str]:
        """Name the attempts that some keeper still has."""
        return [key for keeper in self.living() for key in keeper.held_keys()]

    def stand_still(self) -> bool:
        """Say whether one of them does nothing at the moment, whatever it has in hand."""
        now = self._host.world.agenda.now
        return any(keeper.life.frozen_until > now for keeper in self.living())


class KeeperProcess:
    """One life of a keeper: its loop is that of the real program, and what it stands on is made up."""

    def __init__(self, host: Host, name: str, parent: SimLines) -> None:
        self.machine = host
        self.world: World = host.world
        self.name = name
        self.parent: SimLines | None = parent
        self.life = Life(self.world.agenda, self.world.hub, f"{host.name}-keeper-{name}")
        self.zombies: list[Process] = []
        self.has_lock = False
        self.is_listening = False
        self.disk_failed = False
        self.told: dict[str, str] = {}
        self.begun: dict[str, float] = {}
        self.unrecorded: list[Run] = []
        self.undisturbed_since = self.began_at = self.world.agenda.now
        self._version = VERSION
        self._keeper: Keeper | None = None
        self._line: Line | None = None
        self._door: list[Line] = []
        self._condition = SimCondition(self.life)
        self._has_news = False
        self.world.tell(host.name, f"keeper {name} starts")
        Fiber(self.life, self._main, "keeper").start()

    def connect(self, line: Line) -> None:
        """Let a launcher be at the door."""
        self._door.append(line)
        self.notice()

    def notice(self) -> None:
        """Hear that there is news."""
        self._has_news = True
        self._condition.notify_all()

    def become_old(self) -> None:
        self._version = OLD_VERSION
        if self._keeper is not None:
            self._keeper._version = OLD_VERSION

    def held_keys(self) -> list[str]:
        """Name the attempts that it has in hand."""
        return list(self._keeper._held) if self._keeper is not None else []

    def effect(self, what: str) -> None:
        """A moment at which the keeper touches the world: it may die here, or lose the processor for a while."""
        self.life.check()
        if self.world.faults.keeper_dies_here():
            self.dies_here(f"before it could {what}")
        if (pause := self.world.faults.keeper_hesitation()) > 0:
            self._lose_time(pause)

    def stand_still(self, seconds: float) -> None:
        """Be stopped for a while."""
        self.life.frozen_until = max(self.life.frozen_until, self.world.agenda.now + seconds)
        self.undisturbed_since = max(self.undisturbed_since, self.life.frozen_until)

    def _lose_time(self, seconds: float) -> None:
        self.undisturbed_since = max(self.undisturbed_since, self.world.agenda.now + seconds)
        self.life.wait(seconds)

    def dies_here(self, why: str) -> None:
        """Let it end in the middle of what it does, and its launcher with it now and then."""
        self.die(why)
        if self.world.faults.both_die():
            self.machine.kill("with its keeper")
        raise GreenletExit

    def die(self, why: str) -> None:
        """SIGKILL: the lock is free, and what it had goes on without it."""
        if self.life.is_alive:
            self.world.tell(self.machine.name, f"keeper {self.name} is killed {why}")
            # What it was just told to forget is its heir's again, if no disk had taken the end.
            elsewhere = {
                key for other in self.machine.keepers.living() if other is not self for key in other.held_keys()
            }
            for run in self.world.ledger.runs:
                if run.host == self.machine.name and not run.is_said and run.key not in elsewhere:
                    run.alone_at = self.world.agenda.now
            self.world.ledger.in_doubt.update(self.begun)
            self._ended()

    def _ended(self) -> None:
        self.life.die()
        self.has_lock = self.is_listening = False
        heir = self.parent if self.parent is not None and self.parent.life.is_alive else None
        self.machine.processes.fall(self, heir)
        for line in (*self._door, *([self._line] if self._line is not None else [])):
            line.shut()

    def _main(self) -> None:
        self._lose_time(self.world.faults.keeper_seconds())
        if self.machine.keepers.is_locked(self.name):
            self.world.tell(self.machine.name, f"keeper {self.name} is not alone, and leaves")
            self._ended()
            return
        self.has_lock = True
        self.began_at = self.world.agenda.now
        self.effect("listen")
        self.is_listening = True
        self._line, self._door = self._door[0] if self._door else None, self._door[1:]
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001  (whatever it is: a keeper that ends by a mistake is a finding)
            self.world.checks.mistake(f"keeper {self.name} of {self.machine.name}", error)
        self.world.tell(self.machine.name, f"keeper {self.name} leaves")
        self._ended()

    def _serve(self) -> None:
        host = SimHost(self)
        file = SimFile(self, self.machine.keepers.folder / self.name / words.JOURNAL_FILE)
        places = cast("Containment", host)
        keeper = self._keeper = Keeper(cast("KeeperHost", host), places, Journal(file), self._version)
        keeper.take_over()
        # An end that came while it still read up on what there is was not seen as it came.
        self.undisturbed_since = max(self.undisturbed_since, self.world.agenda.now)
        while self._line is not None or keeper.is_needed():
            self._wait(keeper.seconds_to_wait())
            self._listen(keeper)
            keeper.look()
            self._speak(keeper)
        self.effect("leave")

    def _wait(self, seconds: float | None) -> None:
        if not self._has_news:
            self._condition.wait(None if seconds is None else math.ceil(seconds * 1000) / 1000)
        self._has_news = False
        if (pause := self.world.faults.keeper_pause()) > 0:
            self._lose_time(pause)

    def _listen(self, keeper: Keeper) -> None:
        if self._door:
            if self._line is not None:
                self._line.shut()
            self._line = self._door.pop(0)
            self._has_news = self._has_news or bool(self._door)
        if self._line is None:
            return
        texts = self._line.to_keeper.take()
        for text in texts:
            message = object_of(json.loads(text))
            if message.get("say") == words.STOP:
                self._stop_is_heard(str(message.get("key")), str(message.get("reason")))
            keeper.hear(message)
        if self._line.to_keeper.is_over:
            self._has_news = True
            if not texts:
                self._line.shut()
                self._line = None

    def _stop_is_heard(self, key: str, reason: str) -> None:
        self.told[key] = reason
        run = self.world.ledger.of_key(key)
        if run is not None and run.ended_at is None and run.stop_heard_at is None:
            run.stop_heard_at = self.world.agenda.now

    def _speak(self, keeper: Keeper) -> None:
        self.disk_failed = False
        answers = keeper.answers()
        if not self.disk_failed:
            for run in self.unrecorded:
                run.is_recorded = True
            self.unrecorded.clear()
        for answer in answers:
            self._check(answer)
        if answers:
            self.effect("say something")
        if self._line is not None:
            for answer in answers:
                self._line.to_launcher.send(json.dumps(answer))

    def _check(self, answer: JsonObject) -> None:
        attempts = objects_of(answer, "attempts")
        ended = [answer] if answer.get("say") == words.ENDED else [one for one in attempts if one["phase"] == "ended"]
        for one in ended:
            if not self.disk_failed:
                self.begun.pop(str(one["key"]), None)
            self.world.checks.end_is_said(self, str(one["key"]), object_of(one["verdict"]))
            self.machine.an_end_was_said()
