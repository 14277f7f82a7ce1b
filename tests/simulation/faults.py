"""What goes wrong in a world: which kinds, how often, and when; drawn once from the seed, and over at a known time."""

import json
import signal
import sqlite3
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from lib.lifecycle import Event

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.world import World

KINDS = (
    "lost request",
    "doubled request",
    "slow network",
    "lost answer",
    "broken answer",
    "garbled answer",
    "launcher dies anywhere",
    "launcher hesitates",
    "runtime dies before a commit",
    "runtime dies after a commit",
    "runtime is slow after a commit",
    "runtime cannot write",
    "keeper dies anywhere",
    "keeper hesitates",
    "slow keeper",
    "fork fails",
    "command is missing",
    "cgroup is refused",
    "journal cannot be written",
    "a process stays",
    "wrapper fails after its agent",
    "wrapper is killed after its agent",
    "wrapper swallows a failure",
    "client is gone",
    "clients cannot be looked for",
)
RARE = (
    "launcher dies anywhere",
    "keeper dies anywhere",
    "runtime dies before a commit",
    "runtime dies after a commit",
)
LONG_AGO = -1.0
CODEX = "codex"
"""An agent, and the client that it needs."""


class Faults:
    """Decides about each thing that could go wrong; in calm times nothing does."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.is_calm = False
        # Half of the kinds are off in each world, so that what is left is not drowned by the rest.
        self.rates = {kind: chance.choice((0.01, 0.05, 0.2)) if chance.random() < 0.45 else 0.0 for kind in KINDS}
        for rare in RARE:
            self.rates[rare] = self.rates[rare] * 0.1
        self.rates["keeper dies anywhere"] *= 3
        self._outages_are_long = chance.random() < 0.25

    def _strikes(self, kind: str) -> bool:
        if self.is_calm:
            return False
        rate = self.rates[kind]
        return rate > 0.0 and self._chance.random() < rate

    def copies(self, name: str) -> list[float]:
        """Tell when copies of a request arrive, in seconds from now; a lost one has a negative time."""
        del name
        first = LONG_AGO if self._strikes("lost request") else self.delay()
        return [first, self.delay() * self._chance.choice((1, 5, 50))] if self._strikes("doubled request") else [first]

    def delay(self) -> float:
        """Draw how long something is on its way."""
        if self._strikes("slow network"):
            return self._chance.uniform(0.5, 12.0)
        return self._chance.uniform(0.0005, 0.02)

    def fate_of_answer(self) -> str:
        """Draw what becomes of an answer."""
        for kind, fate in (("lost answer", "lost"), ("broken answer", "broken"), ("garbled answer", "garbled")):
            if self._strikes(kind):
                return fate
        return "well"

    def launcher_dies_here(self) -> bool:
        return self._strikes("launcher dies anywhere")

    def hesitation(self) -> float:
        """Draw for how long a launcher loses the processor."""
        return self._chance.choice((0.001, 0.05, 2.0)) if self._strikes("launcher hesitates") else 0.0

    def dies_before_commit(self, changes_something: bool) -> bool:
        return changes_something and self._strikes("runtime dies before a commit")

    def dies_after_commit(self, changes_something: bool) -> bool:
        return changes_something and self._strikes("runtime dies after a commit")

    def pause_after_commit(self) -> float:
        return self._chance.uniform(0.001, 1.0) if self._strikes("runtime is slow after a commit") else 0.0

    def fail_write(self) -> None:
        """Refuse a write, as a full disk does.

        Errors:  sqlite3.OperationalError.
        """
        if self._strikes("runtime cannot write"):
            raise sqlite3.OperationalError("database or disk is full")

    def fork_fails(self) -> bool:
        return self._strikes("fork fails")

    def keeper_dies_here(self) -> bool:
        return self._strikes("keeper dies anywhere")

    def both_die(self) -> bool:
        return self._chance.random() < 0.25

    def keeper_hesitation(self) -> float:
        """Draw for how long a keeper loses the processor."""
        return self._chance.choice((0.001, 0.05, 2.0)) if self._strikes("keeper hesitates") else 0.0

    def keeper_pause(self) -> float:
        """Draw how long a keeper takes to look at its news."""
        return self._chance.uniform(0.2, 8.0) if self._strikes("slow keeper") else 0.0

    def keeper_seconds(self) -> float:
        """Draw how long a keeper takes to come up."""
        return self._chance.uniform(1.0, 25.0) if self._strikes("slow keeper") else self._chance.uniform(0.02, 0.1)

    def cgroup_refused(self) -> bool:
        return self._strikes("cgroup is refused")

    def journal_fails(self) -> bool:
        return self._strikes("journal cannot be written")

    def stays_seconds(self) -> float:
        """Draw how long a process stays although it is killed."""
        return self._chance.choice((1.0, 7.0, 40.0)) if self._strikes("a process stays") else 0.0

    def end_of_wrapper(self, code: int) -> int:
        """Draw how a command ends that has written down how its agent did."""
        if self._strikes("wrapper fails after its agent"):
            return self._chance.choice((1, 120))
        if self._strikes("wrapper is killed after its agent"):
            return -signal.SIGKILL
        return 0 if self._strikes("wrapper swallows a failure") else code

    def clients_found(self) -> tuple[int, bytes, bytes]:
        """Draw what a launcher finds when it looks for its clients."""
        if self._strikes("clients cannot be looked for"):
            return 1, b"", b"no"
        program = None if self._strikes("client is gone") else f"/bin/{CODEX}"
        return 0, json.dumps({"agents": [{"client": CODEX, "program": program}]}).encode(), b""

    def command_missing(self) -> bool:
        return self._strikes("command is missing")

    def restart_seconds(self) -> float:
        """Draw how long something stays down."""
        if self._outages_are_long and not self.is_calm and self._chance.random() < 0.5:
            return self._chance.uniform(60.0, 1500.0)
        return self._chance.uniform(0.5, 20.0)


class Chaos:
    """The great events of a world: crashes, cuts, frozen processes, reboots, full disks, clocks that jump."""

    def __init__(self, world: "World") -> None:
        self._world = world
        chance = world.chance
        count = chance.choice((0, 1, 2, 3, 5, 7))
        for _ in range(count):
            world.agenda.after(chance.uniform(1.0, world.chaos_seconds), self._strike)

    def _strike(self) -> None:
        if not self._world.faults.is_calm:
            self._world.chance.choice(self._blows())()

    def _blows(self) -> tuple[Callable[[], None], ...]:
        world, chance = self._world, self._world.chance
        host: Host = chance.choice(world.hosts)
        return (
            lambda: host.kill("from outside"),
            lambda: host.kill("from outside"),
            lambda: host.freeze(chance.choice((3.0, 40.0, 200.0, 900.0))),
            lambda: host.signal(chance.choice((Event.INTERRUPT, Event.HANG_UP, Event.DRAIN))),
            host.reboot,
            lambda: self._when_busy(host, host.kill_keeper),
            lambda: self._when_busy(host, host.kill_keeper),
            lambda: self._when_busy(host, lambda: host.kill_keeper(with_launcher=True)),
            lambda: self._when_busy(host, lambda: host.freeze_keepers(chance.choice((2.0, 15.0, 60.0)))),
            lambda: self._when_busy(host, host.upgrade),
            lambda: self._after_an_end(host, host.reboot),
            lambda: self._after_an_end(host, lambda: host.kill_keeper(with_launcher=True)),
            lambda: world.network.cut(host.name, chance.choice((5.0, 60.0, 400.0, 1500.0))),
            lambda: self._fill_disk(host),
            lambda: self._jump(host),
            lambda: world.runtime_dies("from outside"),
            lambda: world.runtime_dies("from outside"),
            lambda: world.freeze_runtime(chance.choice((3.0, 20.0, 150.0, 800.0))),
            lambda: self._jump_runtime(),
        )

    def _when_busy(self, host: "Host", blow: Callable[[], None], tries: int = 8) -> None:
        """Strike when a command runs, if one does soon: what befalls an idle machine is soon seen."""
        if self._world.faults.is_calm:
            return
        if tries and not any(run.host == host.name for run in self._world.ledger.alive()):
            pause = self._world.chance.uniform(0.3, 6.0)
            self._world.agenda.after(pause, lambda: self._when_busy(host, blow, tries - 1))
        else:
            blow()

    def _after_an_end(self, host: "Host", blow: Callable[[], None]) -> None:
        """Strike when a keeper has just said how something ended."""
        host.after_next_end = lambda: None if self._world.faults.is_calm else blow()

    def _fill_disk(self, host: "Host") -> None:
        self._world.tell(host.name, "the disk is full")
        host.disk.fill(is_full=True)
        self._world.agenda.after(self._world.chance.uniform(1.0, 120.0), lambda: host.disk.fill(is_full=False))

    def _jump(self, host: "Host") -> None:
        host.set_clock(self._world.chance.choice((-3600.0, -60.0, 60.0, 3600.0)))
        self._world.tell(host.name, "the clock jumps")

    def _jump_runtime(self) -> None:
        self._world.jump_runtime_clock(self._world.chance.choice((-600.0, -30.0, 30.0, 600.0)))
