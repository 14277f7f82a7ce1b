"""A machine of the simulation: disk, shims and boots that outlive the launcher, and the launcher that lives on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from greenlet import GreenletExit

from lib.config import Config
from lib.disk import Disk
from lib.ends import Ends
from lib.errors import SpawnFailed
from lib.launcher import EXIT_SUPERSEDED, Launcher
from lib.lifecycle import Event
from lib.machine import Condition, Crew, Flag, Gate, Inbox, Machine, Shims, Thread, Turns
from lib.run_directory import RunDirectory
from lib.shim_handles import ShimHandles
from lib.state_folder import StateFolder
from simulation.disk import SimDisk
from simulation.fibers import (
    LONG_WAIT_SECONDS,
    Fiber,
    Life,
    SimCondition,
    SimCrew,
    SimFlag,
    SimInbox,
    SimLock,
    SimTurns,
)
from simulation.shims import Shim, SimGate, SimHandles

if TYPE_CHECKING:
    from simulation.world import World

T = TypeVar("T")
STATE_DIR = Path("/sim")
CALM_MEANS_SECONDS = 120.0
"""What was slow before may be noticed until then."""


class Host:
    """One machine; a launcher is started on it again whenever it has ended."""

    def __init__(self, world: World, name: str, labels: dict[str, str], max_jobs: int | None) -> None:
        self.world = world
        self.name = name
        self.labels = labels
        self.max_jobs = max_jobs
        self.wall_offset = 0.0
        self.boots = 1
        self.is_interrupted = False
        self.disk = SimDisk(world.chance, self.wall_time)
        self.shims: dict[int, Shim] = {}
        self.life: Life | None = None
        self.launcher: Launcher | None = None
        self._descriptors: dict[int, SimGate | Shim] = {}
        self._next_number = 100
        self._gates: list[SimGate] = []
        self._listening: list[SimCondition] = []
        self.disk.make_folder(STATE_DIR)

    @property
    def boot(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def wall_time(self) -> float:
        return 1_767_323_045.0 + self.world.agenda.now + self.wall_offset

    def new_pid(self) -> int:
        self._next_number += 1
        return self._next_number

    def new_descriptor(self, thing: SimGate | Shim) -> int:
        self._next_number += 1
        self._descriptors[self._next_number] = thing
        return self._next_number

    def forget_descriptor(self, fd: int) -> None:
        self._descriptors.pop(fd, None)

    def descriptor(self, fd: int) -> SimGate | Shim | None:
        return self._descriptors.get(fd)

    def stir(self) -> None:
        """Let those who wait on the kernel look again."""
        for condition in self._listening:
            condition.notify_all()

    def listen(self, condition: SimCondition) -> None:
        self._listening.append(condition)

    def effect(self, life: Life, what: str) -> None:
        """A moment at which the launcher touches the world: it may die here, or lose the processor for a while."""
        life.check()
        if self.world.faults.launcher_dies_here():
            self.kill(f"before it could {what}")
            raise GreenletExit
        if (pause := self.world.faults.hesitation()) > 0:
            life.wait(pause)

    def fork(self, life: Life, run_path: Path) -> SimGate:
        """Have a shim forked."""
        self.effect(life, "fork a shim")
        if self.world.faults.fork_fails():
            raise SpawnFailed("cannot start a process: Resource temporarily unavailable")
        gate = SimGate(self, life)
        gate.shim = Shim(self, run_path, gate)
        self._gates.append(gate)
        self.shims[gate.shim.pid] = gate.shim
        return gate

    def shim_ended(self, shim: Shim) -> None:
        self.shims.pop(shim.pid, None)
        self.stir()

    def start(self) -> None:
        """Start the launcher, unless it runs."""
        if self.life is not None or self.world.is_over:
            return
        life = self.life = Life(self.world.agenda, self.world.hub, self.name)
        line = self.world.network.line(self, life)
        machine = SimMachine(self, life)
        launcher = self.launcher = Launcher(self._config(), {}, machine, line)
        self.world.tell(self.name, "the launcher starts")
        Fiber(life, lambda: self._main(launcher, life), "main").start()

    def _main(self, launcher: Launcher, life: Life) -> None:
        code = launcher.run()
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
        deaf = [loop.name for loop in self.launcher._loops if loop.is_deaf()]
        if self.world.is_calm_since(CALM_MEANS_SECONDS):
            self.world.checks.find("no mistakes", f"threads of {self.name} hang: {deaf}")
        self.kill(f"by its watchdog, for {', '.join(deaf)}")
        raise GreenletExit

    def _ended(self, life: Life) -> None:
        life.die()
        self.life = self.launcher = None
        self._listening.clear()
        gates, self._gates = self._gates, []
        for gate in gates:
            gate.close()
        self.world.network.hang_up(life)
        self.world.agenda.after(self.world.faults.restart_seconds(), self.start)

    def signal(self, event: Event) -> None:
        """Ctrl+C, a termination, or a hang-up."""
        if self.launcher is not None:
            self.is_interrupted = self.is_interrupted or event is Event.INTERRUPT
            self.world.tell(self.name, f"the launcher is told {event.name}")
            self.launcher.lifecycle.tell(event)

    def freeze(self, seconds: float) -> None:
        """Stop the launcher's process for a while; its shims go on."""
        if self.life is not None:
            self.world.tell(self.name, f"the launcher stands still for {seconds:.1f} s")
            self.life.frozen_until = self.world.agenda.now + seconds

    def stands_still(self) -> bool:
        """Say whether the launcher's process does nothing at the moment, whatever it has in hand."""
        return self.life is not None and self.life.frozen_until > self.world.agenda.now

    def reboot(self) -> None:
        """Cut the power: launcher, shims and commands are gone, and perhaps some files."""
        self.world.tell(self.name, "the machine goes down")
        self.boots += 1
        for shim in list(self.shims.values()):
            shim.power_cut()
        for run in self.world.ledger.alive():
            if run.host == self.name:
                self.world.ledger.end(run, "power cut", None)
        self.shims.clear()
        self._descriptors.clear()
        self.disk.lose_power()
        self._gates.clear()
        self.world.network.cut_cable(self.life)
        if self.life is not None:
            life, self.life, self.launcher = self.life, None, None
            life.die()
            self._listening.clear()
            self.world.agenda.after(self.world.faults.restart_seconds() + 10.0, self.start)

    def kill_shim(self) -> None:
        """SIGKILL one shim, if there is one."""
        if self.shims:
            shim = self.world.chance.choice(list(self.shims.values()))
            self.world.tell(self.name, f"the shim of {shim.path.name} is killed")
            shim.die()

    def _config(self) -> Config:
        return Config(
            runtime_url="http://sim",
            poll_timeout=self.world.poll_seconds,
            heartbeat_interval=60.0,
            project_dir=Path("/work-here"),
            state_dir=STATE_DIR,
            project_root=Path("/nowhere"),
            token_file=Path("/nowhere/token"),
            token="simulated",
            max_jobs=self.max_jobs,
            labels=self.labels,
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
        self.is_locked = host.disk.is_locked  # type: ignore[method-assign]

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


class _SimShims:
    """Where a launcher's shims come from."""

    def __init__(self, host: Host, life: Life) -> None:
        self._host = host
        self._life = life

    def start(self) -> None:
        return

    def stop(self) -> None:
        return

    def fork_shim(self, run_path: Path) -> Gate:
        return self._host.fork(self._life, run_path)


class _SimEnds(Generic[T]):
    """Waits for ends on a simulated kernel."""

    def __init__(self, host: Host, life: Life) -> None:
        self._host = host
        self._watched: dict[int, T] = {}
        self._condition = SimCondition(life)
        host.listen(self._condition)

    def watch(self, fd: int, thing: T) -> None:
        self._watched[fd] = thing

    def forget(self, fd: int) -> None:
        del self._watched[fd]

    def wait(self, seconds: float) -> list[T]:
        ended = self._ended()
        if ended:
            return ended
        self._condition.wait(max(seconds, LONG_WAIT_SECONDS))
        return self._ended()

    def wake(self) -> None:
        self._condition.notify_all()

    def _ended(self) -> list[T]:
        return [thing for fd, thing in self._watched.items() if self._is_readable(fd)]

    def _is_readable(self, fd: int) -> bool:
        found = self._host.descriptor(fd)
        return found is None or found.is_readable


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
        self.handles = cast("ShimHandles", SimHandles(host))
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

    def lock(self) -> AbstractContextManager[bool]:
        return SimLock(self._life)

    def flag(self) -> Flag:
        return SimFlag(self._life)

    def condition(self) -> Condition:
        return SimCondition(self._life)

    def turns(self, count: int) -> Turns:
        return SimTurns(self._life, count)

    def inbox(self) -> Inbox[T]:
        return SimInbox(self._life)

    def crew(self, size: int, name: str) -> Crew:
        del size, name
        return SimCrew(self._life)

    def thread(self, run: Callable[[], None], name: str) -> Thread:
        return Fiber(self._life, run, name)

    def ends(self) -> Ends[T]:
        return cast("Ends[T]", _SimEnds(self._host, self._life))

    def shims(self, environment: Mapping[str, str]) -> Shims:
        del environment
        return _SimShims(self._host, self._life)

    def state_folder(self, path: Path) -> StateFolder:
        return _SimStateFolder(path)

    def end_process(self, code: int) -> None:
        del code
        self._host.bitten()

    def end_leftovers(self, run: RunDirectory) -> list[str]:
        self._host.effect(self._life, "end what was left over")
        for living in self._host.world.ledger.alive():
            if (living.host, living.job_id, living.attempt) == (
                self._host.name,
                run.job.job_id,
                run.job.attempt_number,
            ):
                self._host.world.ledger.end(living, "left over", None)
        return []

    def raise_descriptor_limit(self) -> None:
        return
