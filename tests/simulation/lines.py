"""Lines between a launcher and its keepers: words take a while, and some are lost with who said them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lib.machine.keeper_lines import Heard, collected
from lib.wire.models import JsonObject
from simulation.fibers import LONG_WAIT_SECONDS, Life, SimCondition
from simulation.processes import Process

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.keepers import KeeperProcess
    from simulation.world import World

WORD_SECONDS = (0.0001, 0.003)
LEAVES_WITHIN_SECONDS = 5.0


class Way:
    """One direction of a line; what has arrived stays there to be read, also after its speaker is gone."""

    def __init__(self, world: World, arrived: Callable[[], None]) -> None:
        self._world = world
        self._tell = arrived
        self._under_way: deque[str] = deque()
        self._arrived: list[str] = []
        self._arrives_at = 0.0
        self._is_shut = False
        self.is_over = False

    @property
    def has_news(self) -> bool:
        return bool(self._arrived) or self.is_over

    def send(self, text: str) -> None:
        """Let a word be on its way."""
        if not self._is_shut:
            self._under_way.append(text)
            self._later(self._arrive)

    def take(self) -> list[str]:
        """Read what is there."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def shut(self) -> None:
        """Let the speaker be gone: some of its last words may never arrive, and then the line ends."""
        if not self._is_shut:
            self._is_shut = True
            for _ in range(self._world.chance.randint(0, len(self._under_way))):
                self._under_way.pop()
            self._later(self._end)

    def _later(self, act: Callable[[], None]) -> None:
        agenda = self._world.agenda
        self._arrives_at = max(self._arrives_at, agenda.now + self._world.chance.uniform(*WORD_SECONDS))
        agenda.after(self._arrives_at - agenda.now, act)

    def _arrive(self) -> None:
        if self._under_way:
            self._arrived.append(self._under_way.popleft())
            self._tell()

    def _end(self) -> None:
        self.is_over = True
        self._tell()


class Line:
    """One connection between a launcher's life and a keeper."""

    def __init__(self, lines: SimLines, keeper: KeeperProcess) -> None:
        self.to_keeper = Way(keeper.world, keeper.notice)
        self.to_launcher = Way(keeper.world, lines.notice)

    def shut(self) -> None:
        """Hang up, at either end."""
        self.to_keeper.shut()
        self.to_launcher.shut()


class SimLines:
    """The lines of one life of a launcher; whoever loses its keeper, and is a descendant of this life, falls to it."""

    def __init__(self, host: Host, life: Life, folder: Path) -> None:
        self.zombies: list[Process] = []
        self.life = life
        self._host = host
        self._folder = folder
        self._lines: dict[str, Line] = {}
        self._started: dict[str, KeeperProcess] = {}
        self._unreached: set[str] = set()
        self._condition = SimCondition(life)
        self._is_woken = False

    def notice(self) -> None:
        """Hear that there is news."""
        self._condition.notify_all()

    def names(self) -> list[str]:
        return [path.name for path in self._host.disk.folders(self._folder)]

    def open(self, name: str) -> bool:
        """Reach the keeper that lives in a folder, or start one there."""
        self.close(name)
        self._host.effect(self.life, "reach its keeper")
        self._unreached.add(name)
        try:
            self._host.disk.make_folder(self._folder / name)
        except OSError:
            return False
        keeper = self._host.keepers.reachable(name)
        if keeper is None:
            if self._host.world.faults.fork_fails():
                return False
            keeper = self._started[name] = self._host.keepers.start(name, self)
        self._unreached.discard(name)
        line = self._lines[name] = Line(self, keeper)
        keeper.connect(line)
        return True

    def close(self, name: str) -> None:
        line = self._lines.pop(name, None)
        if line is not None:
            line.shut()

    def discard(self, name: str) -> None:
        self.close(name)
        keeper = self._started.pop(name, None)
        if keeper is None:
            return  # it leaves in its own time
        give_up_at = self._host.world.agenda.now + LEAVES_WITHIN_SECONDS
        while keeper.life.is_alive:
            if self._host.world.agenda.now >= give_up_at:
                return
            self.life.wait(0.5)
        self._host.effect(self.life, "delete the folder of a keeper")
        self._host.disk.delete_folder(self._folder / name)

    def send(self, name: str, message: JsonObject) -> None:
        self._host.effect(self.life, f"say {message.get('say')} to its keeper")
        line = self._lines.get(name)
        if line is not None:
            line.to_keeper.send(json.dumps(message))

    def wait(self, seconds: float) -> list[Heard]:
        heard = self._take()
        if not heard and not self._is_woken:
            # The sweep of each second is waited for only when it has something to see.
            is_exact = bool(self.zombies or self._unreached)
            self._condition.wait(seconds if is_exact else max(seconds, LONG_WAIT_SECONDS))
            heard = self._take()
        self._is_woken = False
        return heard

    def wake(self) -> None:
        self._is_woken = True
        self.notice()

    def collect(self) -> list[JsonObject]:
        """Collect who fell to us."""
        zombies, self.zombies = self.zombies, []
        for process in zombies:
            self._host.processes.reap(process)
        return [collected(one.pid, one.start_time, one.code) for one in zombies if one.code is not None]

    def die(self) -> None:
        """Hang up everything, as the end of a process does."""
        for name in list(self._lines):
            self.close(name)

    def _take(self) -> list[Heard]:
        heard: list[Heard] = []
        for name, line in list(self._lines.items()):
            texts = line.to_launcher.take()
            heard += [Heard(name, json.loads(text)) for text in texts]
            if not texts and line.to_launcher.is_over:
                self.close(name)
                heard.append(Heard(name, None))
        return heard
