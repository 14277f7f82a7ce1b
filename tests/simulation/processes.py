"""Processes of a made-up machine: commands and what they leave behind, who collects them, and what holds them together.

A command does what its prompt says: `work SECONDS CODE OBEYS_SECONDS`. Some are like our own: they leave a first note
before they do anything and a last one about their agent, whose exit code is not theirs. The others leave their own exit
code, or nothing.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lib.keeper.containment import Place
from lib.keeper.spawn import Launch
from lib.keeper.words import JsonObject, object_of
from simulation.disk import SimDisk
from simulation.ledger import PROVED, Run
from simulation.service import ENDS_WITHIN_SECONDS

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.lines import SimLines
    from simulation.world import World

CODE_AFTER_TERM, CODE_OF_A_FAILED_AGENT = 143, 1
FIRST_NOTE: JsonObject = {"ending": None}
LINES_EVERY_SECONDS = (5.0, 90.0)
DIES_WITHIN_SECONDS = 0.003
FIRST_PID, PIDS = 100, 40
"""So few that each number is used again and again."""


class Watcher(Protocol):
    """Who hears of an end: the parent that collects a process, or another one that watches it."""

    def notice(self) -> None: ...


class Parent(Watcher, Protocol):
    """Who collects what has ended."""

    @property
    def zombies(self) -> list[Process]: ...


@dataclass(eq=False)
class Process:
    """One process; `parent` is None once nobody is left who wants to know how it ends.

    Shape:   `code` as `os.waitstatus_to_exitcode` has it.
    """

    pid: int
    start_time: str
    run: Run
    launch: Launch
    place: Place
    spawner: Parent
    is_command: bool
    is_ours: bool
    obeys_seconds: float | None
    stays_seconds: float = 0.0
    parent: Parent | None = None
    is_living: bool = True
    is_told: bool = False
    is_killed: bool = False
    code: int | None = None
    watchers: list[Watcher] = field(default_factory=list)


@dataclass
class Command:
    """What a job's command will do, read from its prompt."""

    seconds: float
    exit_code: int
    obeys_seconds: float

    @classmethod
    def of(cls, launch: Launch) -> Command:
        words = prompt_of(launch).split()
        if len(words) >= 4 and words[0] == "work":
            return cls(float(words[1]), int(words[2]), float(words[3]))
        return cls(2.0, 0, 0.5)


def prompt_of(launch: Launch) -> str:
    """Find the prompt in a command line."""
    return launch.argv[launch.argv.index("--prompt") + 1] if "--prompt" in launch.argv else ""


def read_outcome(disk: SimDisk, path: Path) -> JsonObject:
    """Read what a command left about its end, if anything."""
    try:
        return object_of(json.loads(disk.read(path)))
    except (OSError, ValueError):
        return {}


class Processes:
    """What the kernel of one machine knows."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._world: World = host.world
        self.keys: dict[int | None, str] = {}
        """Whose places bear which marks."""
        self._by_pid: dict[int, Process] = {}
        self._last_pid = FIRST_PID
        self._births = 0
        chance = self._world.chance
        self._daemons = chance.choice((0.0, 0.1, 0.4))
        self._leaves_outcome = chance.choice((0.0, 0.5, 1.0))
        self._is_ours = chance.choice((0.0, 0.5, 1.0))

    def spawn(
        self, launch: Launch, place: Place, job_id: str, attempt: int, session_name: str, spawner: Parent
    ) -> Process:
        """Let a command begin, with what it will leave behind."""
        command = Command.of(launch)
        run = self._world.ledger.begin(
            self._host.name, self._host.boots, job_id, session_name, attempt, prompt_of(launch)
        )
        run.timeout_seconds = launch.timeout_seconds
        process = self._born(run, launch, place, spawner, command.obeys_seconds)
        asks = self._world.service.is_asked_in(prompt_of(launch))
        process.is_ours = self._world.chance.random() < self._is_ours or asks
        if process.is_ours:
            self._leave_note(process, FIRST_NOTE)
        self._world.checks.began(run)
        self._world.clients.command_began(run, command.seconds)
        trouble = self._world.service.trouble_of(self._host, prompt_of(launch)) if process.is_ours else None
        if trouble is None:
            self._later(command.seconds, lambda: self._ends_by_itself(process, command.exit_code))
        else:
            seconds = min(command.seconds, ENDS_WITHIN_SECONDS)
            self._later(seconds, lambda: self._ends_by_itself(process, CODE_OF_A_FAILED_AGENT, trouble))
        self._print(run, Path(launch.output_path))
        if self._world.chance.random() < self._daemons:
            for _ in range(self._world.chance.choice((1, 1, 2))):
                self._leave_daemon(process)
        return process

    def start_time(self, pid: int) -> str:
        """Tell a process from a later one with the same number; empty when there is none."""
        found = self._by_pid.get(pid)
        return found.start_time if found is not None else ""

    def find(self, pid: int) -> Process | None:
        """Find a process that lives, or that nobody has collected yet."""
        return self._by_pid.get(pid)

    def reap(self, process: Process) -> None:
        """Let the number of a process be used again."""
        if self._by_pid.get(process.pid) is process:
            del self._by_pid[process.pid]

    def within(self, place: Place, spawner: Parent | None) -> list[Process]:
        """List what lives in a place; by its mark alone, only what hangs on `spawner` if there is one."""
        return [one for one in self.living() if _is_in(one, place, spawner)]

    def living(self) -> Iterator[Process]:
        """Give all that live, in the order of their birth."""
        yield from (one for one in list(self._by_pid.values()) if one.is_living)

    def ask(self, process: Process) -> None:
        """SIGTERM."""
        if process.is_told or process.obeys_seconds is None:
            return
        process.is_told = True
        self._later(process.obeys_seconds, lambda: self._obeys(process))

    def kill(self, process: Process) -> None:
        """SIGKILL; it is gone in a moment, or much later if it stands in the kernel."""
        if not process.is_killed:
            process.is_killed = True
            seconds = process.stays_seconds or self._world.chance.uniform(0.0, DIES_WITHIN_SECONDS)
            self._later(seconds, lambda: self.end(process, -signal.SIGKILL))

    def end(self, process: Process, code: int) -> None:
        """Let a process be over."""
        if not process.is_living:
            return
        process.is_living, process.code = False, code
        process.run.living.discard(process.pid)
        if process.is_command:
            self._world.tell(self._host.name, f"{process.run.key} ends with {code} (pid {process.pid})")
            self._world.ledger.end(process.run, _how(process), code)
        self._give_to_parent(process)
        watchers, process.watchers = process.watchers, []
        for watcher in watchers:
            watcher.notice()

    def fall(self, dying: Parent, to: SimLines | None) -> None:
        """Give the children of a process that ended, dead ones too, to who is next above."""
        dying.zombies.clear()
        for process in list(self._by_pid.values()):
            if process.parent is dying:
                process.parent = to
                if process.is_command:
                    process.run.fell_to, process.run.fell_at = to.life if to else None, self._world.agenda.now
                if not process.is_living:
                    self._give_to_parent(process)

    def lose_power(self) -> None:
        """Let all be gone at once."""
        for process in list(self._by_pid.values()):
            process.run.living.clear()
            self._world.ledger.end(process.run, "power cut", None)
            process.is_living = False
        self._by_pid.clear()
        self._last_pid = FIRST_PID

    def _born(self, run: Run, launch: Launch, place: Place, spawner: Parent, obeys_seconds: float | None) -> Process:
        self._births += 1
        pid, start_time = self._new_pid(), str(self._births)
        where = Place(place.cgroup, place.mark)
        is_command = not run.living
        process = Process(
            pid, start_time, run, launch, where, spawner, is_command, False, obeys_seconds, parent=spawner
        )
        self._by_pid[pid] = process
        run.living.add(pid)
        return process

    def _new_pid(self) -> int:
        while True:
            self._last_pid = FIRST_PID + (self._last_pid - FIRST_PID) % PIDS + 1
            if self._last_pid not in self._by_pid or len(self._by_pid) >= PIDS:
                break
        while self._last_pid in self._by_pid:
            self._last_pid += 1
        return self._last_pid

    def _leave_daemon(self, command: Process) -> None:
        chance = self._world.chance
        daemon = self._born(
            command.run, command.launch, command.place, command.spawner, chance.choice((None, 0.05, 3.0))
        )
        daemon.stays_seconds = self._world.faults.stays_seconds()
        self._world.tell(self._host.name, f"{command.run.key} leaves a daemon behind (pid {daemon.pid})")

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        boots = self._host.boots
        self._world.agenda.after(seconds, lambda: act() if boots == self._host.boots else None)

    def _print(self, run: Run, path: Path) -> None:
        if run.ended_at is None:
            self._host.disk.append(path, f"line at {self._world.agenda.now:.3f}\n".encode())
            self._later(self._world.chance.uniform(*LINES_EVERY_SECONDS), lambda: self._print(run, path))

    def _obeys(self, process: Process) -> None:
        if process.is_command and process.is_living:
            self._leave_last_note(process, {"ending": "stopped"}, CODE_AFTER_TERM)
        self.end(process, CODE_AFTER_TERM)

    def _ends_by_itself(self, process: Process, code: int, trouble: JsonObject | None = None) -> None:
        if not process.is_living:
            return
        if not process.is_ours:
            self._leave_last_note(process, {}, code)
        elif code == 0:
            checked: JsonObject = {"checked": True} if PROVED in process.run.prompt else {}
            self._leave_last_note(process, {"ending": "completed", **checked}, code)
        else:
            note: JsonObject = {
                "ending": "failed",
                "reason": "nonzero_exit",
                "agent_exit_code": code,
                **(trouble or {}),
            }
            is_left = self._leave_last_note(process, note, CODE_OF_A_FAILED_AGENT)
            process.run.agent_code = code if is_left else None
            code = CODE_OF_A_FAILED_AGENT
        self.end(process, self._world.faults.end_of_wrapper(code))

    def _leave_last_note(self, process: Process, note: JsonObject, code: int) -> bool:
        """Write down how it ends, with an exit code; whether that is on the disk now."""
        if not process.is_ours and self._world.chance.random() >= self._leaves_outcome:
            return False
        is_left = self._leave_note(process, {**note, "exit_code": code})
        process.run.left_code = code if is_left else None
        return is_left

    def _leave_note(self, process: Process, note: JsonObject) -> bool:
        path = Path(process.launch.outcome_path)
        try:
            # The last note is written into the room of the first.
            is_reserved = process.is_ours and self._host.disk.exists(path)
            self._host.disk.put(path, json.dumps(note).encode(), is_synced=False, is_reserved=is_reserved)
        except OSError:
            return False
        return True

    def _give_to_parent(self, process: Process) -> None:
        if process.parent is None:
            self.reap(process)
            return
        process.parent.zombies.append(process)
        process.parent.notice()


def _how(process: Process) -> str:
    if process.run.asked:
        return process.run.asked[-1]
    return "killed" if process.is_killed else "by itself"


def _is_in(process: Process, place: Place, spawner: Parent | None) -> bool:
    if place.cgroup is not None and process.place.cgroup == place.cgroup:
        return True
    if place.mark is None or process.place.mark != place.mark:
        return False
    # What is marked is looked for among what fell to the keeper, if it was the keeper that began it.
    return spawner is None or process.spawner is spawner or place.cgroup is not None
