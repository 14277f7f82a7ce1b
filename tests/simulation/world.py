"""A whole world from one seed: a runtime, machines, clients, faults, and the checks that watch them."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from greenlet import getcurrent

from agent_runtime.domain.ids import LauncherId
from simulation.agenda import Agenda
from simulation.checks import Checks
from simulation.clients import Clients
from simulation.faults import Chaos, Faults
from simulation.host import Host
from simulation.ledger import Ledger
from simulation.network import Network
from simulation.runtime import BEGINNING, Database, RuntimeLife, rows
from simulation.service import Service
from simulation.story import Story

REST_IS_LOOKED_FOR_SECONDS = 5.0
REST_COMES_WITHIN_SECONDS = 2 * 3600.0
OPENED_AGAIN_SECONDS = 120.0
RECORD_GONE = "the record of a job is gone"
EVENTS_MAX = 60_000
CHAOS_SECONDS = (10.0, 15.0, 15.0, 25.0, 25.0, 40.0, 40.0, 60.0, 120.0, 600.0)


class _Errors(logging.Handler):
    """Takes what the product logs with a trace for a finding."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(logging.ERROR)
        self._checks = checks

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, OSError | sqlite3.OperationalError):
            self._checks.mistake(record.getMessage(), error)
        if record.msg.startswith(RECORD_GONE):
            self._checks.find("P3", record.getMessage())


@contextmanager
def _errors_are_findings(checks: Checks) -> Iterator[None]:
    handler = _Errors(checks)
    loggers = [logging.getLogger(name) for name in ("agent-launcher", "agent_runtime")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.ERROR)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


@dataclass(frozen=True)
class Outcome:
    """What became of a seed."""

    seed: int
    findings: tuple[str, ...]
    story: str
    runs: int
    simulated_seconds: float

    def brief(self) -> "Outcome":
        """Leave the story out if there is nothing to explain."""
        return self if self.findings else replace(self, story="")


class World:
    """Everything that one seed decides; `run` lets it happen from beginning to end."""

    def __init__(self, seed: int, database: Database) -> None:
        database.empty()
        self.seed = seed
        self.chance = Random(seed)
        self.agenda = Agenda()
        self.hub = getcurrent()
        self.story = Story()
        self.database = database
        self.ledger = Ledger(self.agenda)
        self.poll_seconds = self.chance.choice((20.0, 50.0, 50.0))
        self.chaos_seconds = self.chance.choice(CHAOS_SECONDS)
        self.faults = Faults(self.chance)
        self.service = Service(self)
        self.network = Network(self)
        self.checks = Checks(self)
        self.runtime: RuntimeLife | None = None
        self.is_over = False
        self.has_jumped = False
        self._calm_at: float | None = None
        self._runtime_offset = 0.0
        self._frozen_until = 0.0
        self._lives: list[RuntimeLife] = []
        self.hosts = [self._host(number) for number in range(self.chance.choice((1, 1, 2, 3)))]
        self.clients = Clients(self)
        Chaos(self)

    def run(self) -> Outcome:
        """Let it happen."""
        with _errors_are_findings(self.checks):
            self._start_runtime()
            for host in self.hosts:
                self.agenda.after(self.chance.uniform(0.0, 2.0), host.start)
            self.agenda.after(self.chaos_seconds, self._calm_down)
            self._let_happen()
            self._close()
        runs = len(self.ledger.runs)
        return Outcome(self.seed, tuple(self.checks.findings), self.story.text(), runs, self.agenda.now)

    def tell(self, who: str, what: str) -> None:
        """Write a line of the story."""
        self.story.tell(self.agenda.now, who, what)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen after a while, whatever comes."""
        self.agenda.after(seconds, act)

    def is_calm_since(self, seconds: float) -> bool:
        """Tell whether nothing has gone wrong for so long."""
        return self._calm_at is not None and self.agenda.now - self._calm_at > seconds

    def runtime_time(self) -> datetime:
        """Tell the time as the runtime's machine has it."""
        return BEGINNING + timedelta(seconds=self.agenda.now + self._runtime_offset)

    def launcher_ids(self) -> list[LauncherId]:
        """Name the launchers that the runtime knows."""
        return [launcher.id for launcher in rows(self.database, lambda tx: tx.launchers.all())]

    def runtime_dies(self, where: str) -> None:
        """Kill the runtime; it is started again after a while."""
        runtime, self.runtime = self.runtime, None
        if runtime is not None:
            self.tell("runtime", f"dies {where}")
            runtime.die()
            self._frozen_until = 0.0
            self.agenda.after(self.faults.restart_seconds(), self._start_runtime)

    def freeze_runtime(self, seconds: float) -> None:
        """Stop the runtime's process for a while."""
        if self.runtime is not None:
            self.tell("runtime", f"stands still for {seconds:.1f} s")
            self._frozen_until = self.agenda.now + seconds
            self.agenda.after(seconds, lambda: None)

    def jump_runtime_clock(self, seconds: float) -> None:
        """Set the clock of the runtime's machine."""
        self.tell("runtime", f"the clock jumps by {seconds:.0f} s")
        self._runtime_offset += seconds
        self.has_jumped = True

    def _host(self, number: int) -> Host:
        # The first machine can run everything, so that nothing has to wait for ever.
        labels = {"gpu": "yes"} if number == 0 or self.chance.random() < 0.3 else {}
        return Host(self, f"host-{number}", labels, self.chance.choice((1, 2, 4, None)))

    def _start_runtime(self) -> None:
        if self.runtime is None and not self.is_over:
            self.tell("runtime", "starts")
            self.runtime = RuntimeLife(self, self.database)
            self._lives.append(self.runtime)

    def _let_happen(self) -> None:
        for _ in range(EVENTS_MAX):
            if self.is_over or self.checks.findings:
                return
            self._next_event()
        self.checks.find("rest", f"there was no end after {EVENTS_MAX} events")

    def _next_event(self) -> None:
        runtime_at = self._runtime_at()
        agenda_at = self.agenda.next_at()
        if runtime_at is not None and (agenda_at is None or runtime_at <= agenda_at):
            self.agenda.now = max(self.agenda.now, runtime_at)
            assert self.runtime is not None
            if not self.runtime.loop.run_due():
                self.checks.find("rest", "the runtime is busy without end in one and the same moment")
        else:
            self.agenda.step()

    def _runtime_at(self) -> float | None:
        if self.runtime is None:
            return None
        at = self.runtime.loop.next_at()
        return None if at is None else max(at, self._frozen_until)

    def _calm_down(self) -> None:
        self.tell("world", "from now on nothing goes wrong")
        self.faults.is_calm = True
        self._calm_at = self.agenda.now
        for host in self.hosts:
            host.disk.fill(is_full=False)
        self.network.mend()
        self._let_everything_go()
        deadline = self.agenda.now + REST_COMES_WITHIN_SECONDS
        self.agenda.after(REST_IS_LOOKED_FOR_SECONDS, lambda: self._look_for_rest(deadline))

    def _let_everything_go(self) -> None:
        # Again and again: a request to drain a launcher or to hold a job may still be on its way.
        self.clients.resume_all_launchers()
        self.clients.lift_all_holds()
        self.agenda.after(OPENED_AGAIN_SECONDS, self._let_everything_go)

    def _look_for_rest(self, deadline: float) -> None:
        restless = self._restless()
        if restless is None:
            self.checks.at_the_end()
            self.is_over = True
        elif self.agenda.now > deadline:
            self.checks.find("rest", f"no rest within {REST_COMES_WITHIN_SECONDS:.0f} s: {restless}")
            self.checks.at_the_end()
            self.is_over = True
        else:
            self.agenda.after(REST_IS_LOOKED_FOR_SECONDS, lambda: self._look_for_rest(deadline))

    def _restless(self) -> str | None:
        """Say what is still to happen; nothing when there is nothing."""
        if alive := self.ledger.alive():
            return f"processes of {len(alive)} commands run"
        count = "SELECT count(*) FROM jobs WHERE status NOT IN ('completed', 'failed', 'stopped')"
        if open_jobs := self.database.number(count):
            return f"{open_jobs} jobs are not over"
        for host in self.hosts:
            if host.launcher is None or not host.is_registered:
                return f"{host.name} has no launcher that is registered"
            if host.stands_still():
                return f"a process of {host.name} stands still"
            if host.launcher._registry.attempts():
                return f"the launcher of {host.name} has something in hand"
            if held := host.keepers.holding():
                return f"the keepers of {host.name} have {held} in hand"
        return None

    def _close(self) -> None:
        self.is_over = True
        for host in self.hosts:
            if host.life is not None:
                host.life.bury()
            for keeper in host.keepers.living():
                keeper.life.bury()
        if self.runtime is not None:
            self.runtime.die()
        for life in self._lives:
            life.loop.run_due()
            life.loop.close()
