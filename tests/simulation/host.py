"""A machine of the simulation: disk, processes, keepers and boots that outlive the launcher which lives on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from greenlet import GreenletExit

from lib.config import Config
from lib.errors import OrderFailed
from lib.launcher import EXIT_SUPERSEDED, Launcher
from lib.lifecycle import Event
from lib.machine.disk import Disk
from lib.machine.machine import KeeperLines, Machine, Thread
from lib.machine.state_folder import StateFolder
from lib.wire.http_client import HttpClient
from simulation.disk import SimDisk
from simulation.fibers import (
    Fiber,
    Life,
    SimCondition,
    SimFlag,
    SimInbox,
    SimLock,
)
from simulation.keepers import Keepers
from simulation.lines import SimLines
from simulation.processes import Processes

if TYPE_CHECKING:
    from simulation.world import World

S = TypeVar("S")
T = TypeVar("T")
STATE_DIR = Path("/sim")
RUNS_DIR, KEEPERS_DIR = STATE_DIR / "runs", STATE_DIR / "keepers"
CALM_MEANS_SECONDS = 120.0
"""What was slow before may be noticed until then."""
LOOKS_EVERY_SECONDS = 60.0
"""So often a launcher looks for its clients, which come and go until it is calm."""


class Host:
    """One machine; a launcher is started on it again whenever it has ended."""

    def __init__(self, world: World, name: str, labels: dict[str, str], max_jobs: int | None) -> None:
        self.world = world
        self.name = name
        self.labels = labels
        self.max_jobs = max_jobs
        self.wall_offset = 0.0
        self.has_jumped = False
        self.boots = 1
        self.is_interrupted = False
        self.disk = SimDisk(world.chance, self.wall_time)
        self.processes = Processes(self)
        self.keepers = Keepers(self, KEEPERS_DIR)
        self.life: Life | None = None
        self.launcher: Launcher | None = None
        self.undisturbed_since = 0.0
        self.after_next_end: Callable[[], None] | None = None
        self._lines: SimLines | None = None
        self._booted_at = 0.0
        for folder in (RUNS_DIR, KEEPERS_DIR):
            self.disk.make_folder(folder)

    @property
    def boot(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def wall_time(self) -> float:
        return self.wall_time_of(self.world.agenda.now)

    def wall_time_of(self, at: float) -> float:
        """Tell the wall's time at a moment, as it is set now."""
        return 1_767_323_045.0 + at + self.wall_offset

    def set_clock(self, seconds: float) -> None:
        """Set the wall's clock forward, or back."""
        self.wall_offset += seconds
        self.has_jumped = True

    def monotonic(self) -> float:
        """Tell the seconds since this boot."""
        return self.world.agenda.now - self._booted_at

    def effect(self, life: Life, what: str) -> None:
        """A moment at which the launcher touches the world: it may die here, or lose the processor for a while."""
        life.check()
        if self.world.faults.launcher_dies_here():
            self.kill(f"before it could {what}")
            raise GreenletExit
        if (pause := self.world.faults.hesitation()) > 0:
            self.undisturbed_since = self.world.agenda.now + pause
            life.wait(pause)

    def lines(self, life: Life) -> SimLines:
        """Give a launcher's life its lines to the keepers."""
        self._lines = SimLines(self, life, KEEPERS_DIR)
        return self._lines

    def start(self) -> None:
        """Start the launcher, unless it runs."""
        if self.life is not None or self.world.is_over:
            return
        life = self.life = Life(self.world.agenda, self.world.hub, self.name)
        line = self.world.network.line(self, life)
        self.undisturbed_since = self.world.agenda.now
        machine = SimMachine(self, life)
        launcher = self.launcher = Launcher(self._config(), {}, machine, cast("HttpClient", line))
        self.world.tell(self.name, "the launcher starts")
        Fiber(life, lambda: self._main(launcher, life), "main").start()

    def _main(self, launcher: Launcher, life: Life) -> None:
        try:
            code = launcher.run()
        except OrderFailed as error:
            self.world.tell(self.name, f"the launcher gives up: {error}")
            self._ended(life)
            return
        self.world.tell(self.name, f"the launcher leaves with code {code}")
        if code == EXIT_SUPERSEDED:
            # Its earlier processes are dead, so whoever took its identity was a call of the past.
            self.world.checks.find("P4", f"{self.name} was superseded, and nobody else has its identity")
        self._ended(life)

    def kill(self, why: str) -> None:
        """SIGKILL the launcher."""
        if self.life is not None:
            self.world.tell(self.name, f"the launcher is killed {why}")
            self._ended(self.life)

    def bitten(self) -> None:
        """Let the launcher's watchdog end it: somebody was deaf for longer than hesitations explain."""
        assert self.launcher is not None, "a watchdog belongs to a launcher"
        deaf = [loop.name for loop in self.launcher._loops.all() if loop.is_deaf()]
        if self.world.is_calm_since(CALM_MEANS_SECONDS):
            self.world.checks.find("no mistakes", f"threads of {self.name} hang: {deaf}")
        self.kill(f"by its watchdog, for {', '.join(deaf)}")
        raise GreenletExit

    def _ended(self, life: Life) -> None:
        life.die()
        self.life = self.launcher = None
        if self._lines is not None:
            self._lines.die()
            self.keepers.parent_died(self._lines)
            self.processes.fall(self._lines, None)
        self.world.network.hang_up(life)
        self.world.agenda.after(self.world.faults.restart_seconds(), self.start)

    def signal(self, event: Event) -> None:
        """Ctrl+C, a termination, or a hang-up."""
        if self.launcher is not None:
            self.is_interrupted = self.is_interrupted or event is Event.INTERRUPT
            self.world.tell(self.name, f"the launcher is told {event.name}")
            self.launcher.lifecycle.tell(event)

    def freeze(self, seconds: float) -> None:
        """Stop the launcher's process for a while; its keepers and commands go on."""
        if self.life is not None:
            self.world.tell(self.name, f"the launcher stands still for {seconds:.1f} s")
            self.life.frozen_until = max(self.life.frozen_until, self.world.agenda.now + seconds)
            self.undisturbed_since = max(self.undisturbed_since, self.life.frozen_until)

    @property
    def is_registered(self) -> bool:
        """Say whether this life of the launcher has taken up what the keepers held, and told the runtime of it."""
        registration = getattr(self.launcher, "_registration", None)
        return registration is not None and registration.current is not None

    def stands_still(self) -> bool:
        """Say whether a process of the product does nothing at the moment, whatever it has in hand."""
        is_frozen = self.life is not None and self.life.frozen_until > self.world.agenda.now
        return is_frozen or self.keepers.stand_still()

    def reboot(self) -> None:
        """Cut the power: launcher, keepers and commands are gone, and perhaps some files."""
        self.world.tell(self.name, "the machine goes down")
        self.boots += 1
        self._booted_at = self.world.agenda.now
        self.keepers.lose_power()
        self.processes.lose_power()
        self.disk.lose_power()
        self.world.network.cut_cable(self.life)
        if self.life is not None:
            life, self.life, self.launcher, self._lines = self.life, None, None, None
            life.die()
            self.world.agenda.after(self.world.faults.restart_seconds() + 10.0, self.start)

    def kill_keeper(self, *, with_launcher: bool = False) -> None:
        """SIGKILL one keeper, if there is one, and the launcher in the same moment before or after it."""
        living = self.keepers.living()
        is_launcher_first = self.world.chance.random() < 0.5
        if with_launcher and is_launcher_first:
            self.kill("with its keeper")
        if living:
            self.world.chance.choice(living).die("from outside")
        if with_launcher and not is_launcher_first:
            self.kill("with its keeper")

    def an_end_was_said(self) -> None:
        """Let come what waits for a keeper to say an end."""
        act, self.after_next_end = self.after_next_end, None
        if act is not None:
            self.world.agenda.after(self.world.chance.choice((0.0, 0.003, 0.02, 1.0)), act)

    def upgrade(self) -> None:
        """Have a new launcher, whose keepers are of another version than those that live."""
        self.world.tell(self.name, "the launcher is upgraded")
        self.keepers.become_old()
        self.kill("for its next version")

    def freeze_keepers(self, seconds: float) -> None:
        """Stop the keepers' processes for a while; commands go on."""
        self.world.tell(self.name, f"the keepers stand still for {seconds:.1f} s")
        for keeper in self.keepers.living():
            keeper.stand_still(seconds)

    def _config(self) -> Config:
        return Config(
            runtime_url="http://sim",
            poll_timeout=self.world.poll_seconds,
            heartbeat_interval=60.0,
            project_dir=Path("/work-here"),
            state_dir=STATE_DIR,
            commands_folder=Path("/nowhere"),
            token_file=Path("/nowhere/token"),
            token="simulated",
            max_jobs=self.max_jobs,
            labels=self.labels,
            clients_every_seconds=LOOKS_EVERY_SECONDS,
            name=self.name,
        )


class _GuardedDisk(Disk):
    """The host's disk as one launcher's life sees it: each change is a moment at which that life may end."""

    def __init__(self, host: Host, life: Life) -> None:
        self._of_host = host.disk
        self._host = host
        self._life = life
        self.read = host.disk.read  # type: ignore[method-assign]  # looking is free
        self.read_piece = host.disk.read_piece  # type: ignore[method-assign]
        self.size = host.disk.size  # type: ignore[method-assign]
        self.modified_at = host.disk.modified_at  # type: ignore[method-assign]
        self.exists = host.disk.exists  # type: ignore[method-assign]
        self.folders = host.disk.folders  # type: ignore[method-assign]
        self.free_bytes = host.disk.free_bytes  # type: ignore[method-assign]

    def _guard(self, what: str) -> None:
        self._host.effect(self._life, what)

    def write(self, path: Path, content: bytes) -> None:
        self._guard(f"write {path.name}")
        self._of_host.write(path, content)

    def replace(self, path: Path, content: bytes) -> None:
        self._guard(f"replace {path.name}")
        self._of_host.replace(path, content)

    def make_folder(self, path: Path) -> None:
        self._guard(f"make {path.name}")
        self._of_host.make_folder(path)

    def delete_folder(self, path: Path) -> None:
        self._guard(f"delete {path.name}")
        self._of_host.delete_folder(path)


class _SimStateFolder(StateFolder):
    """A state folder that nobody else uses."""

    def take(self) -> None:
        return

    def give_back(self) -> None:
        return


class SimMachine(Machine):
    """The machine that one life of a launcher stands on."""

    def __init__(self, host: Host, life: Life) -> None:
        self.disk = _GuardedDisk(host, life)
        self._host = host
        self._life = life

    def monotonic(self) -> float:
        return self._host.world.agenda.now

    def wall_time(self) -> float:
        return self._host.wall_time()

    def chance(self) -> random.Random:
        return self._host.world.chance

    def boot_id(self) -> str:
        return self._host.boot

    def host_name(self) -> str:
        return self._host.name

    def identity(self) -> str:
        return self._host.name

    def available_memory(self) -> int | None:
        return None

    def memory_pressure(self) -> float | None:
        return None

    def cpu_pressure(self) -> float | None:
        return None

    def lock(self) -> AbstractContextManager[bool]:
        return SimLock(self._life)

    def flag(self) -> SimFlag:
        return SimFlag(self._life)

    def condition(self) -> SimCondition:
        return SimCondition(self._life)

    def inbox(self) -> SimInbox[T]:
        return SimInbox(self._life)

    def thread(self, run: Callable[[], None], name: str) -> Thread:
        return Fiber(self._life, run, name)

    def keeper_lines(self, folder: Path, way: str, environment: Mapping[str, str]) -> KeeperLines:
        del folder, way, environment
        return self._host.lines(self._life)

    def run_to_end(
        self, words: Sequence[str], environment: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes, bytes]:
        del words, environment, seconds
        self._host.effect(self._life, "look for its clients")
        return self._host.world.faults.clients_found()

    def state_folder(self, path: Path) -> StateFolder:
        return _SimStateFolder(path)

    def end_process(self, code: int) -> None:
        del code
        self._host.bitten()

    def raise_descriptor_limit(self) -> None:
        return
