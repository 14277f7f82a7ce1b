"""Build the parts of one launcher, start them, wait, and stop them in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lib.admission import Admission
from lib.api_client import ApiClient, TokenSource
from lib.attempt.attempt import Attempt, Delivered, Dropped
from lib.attempt.environment import base_environment
from lib.attempt.folder import RunFolders
from lib.attempt.housekeeping import keep_house
from lib.attempt.output import OutputUploader
from lib.attempt.output_shipper import OutputShipper
from lib.changes.difference import changes_of
from lib.clients import CLIENT_FAILURES, COMMAND, LOOK_SECONDS, Clients, look
from lib.config import Config
from lib.errors import CallFailed, ConfigurationError
from lib.executor import Executor, command_of, startable_warm
from lib.heartbeat import Heartbeat
from lib.identity import IdentityFile
from lib.inquiries import Inquiries
from lib.keepers import Keepers
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine.loop import Loop
from lib.machine.machine import Machine
from lib.machine.watchdog import Watchdog
from lib.numbers.tally import Tally
from lib.poller import Poller
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.reporter import Reporter
from lib.service.notify import ServiceWatch
from lib.starter import Starter
from lib.stopper import Stopper
from lib.supervisor import Supervisor
from lib.wire.http_client import HttpClient
from lib.wire.models import Inquiry, Report

if TYPE_CHECKING:
    from lib.numbers.server import NumbersServer

log = logging.getLogger("agent-launcher")

REPORTERS = 2
POLL_STALE_SECONDS, SUPERVISOR_STALE_SECONDS, DELIVERY_STALE_SECONDS = 90.0, 30.0, 90.0
HOUSEKEEPING_STALE_SECONDS = 600.0
CLIENTS_STALE_SECONDS = LOOK_SECONDS + 60.0
INQUIRIES_STALE_SECONDS = 120.0
TICK_SECONDS = 1.0
LAST_REPORTS_SECONDS = 30.0
JOIN_SECONDS = 2.0
LOW_MEMORY_BYTES = 1 << 30
EXIT_OK, EXIT_SUPERSEDED, EXIT_INTERRUPTED = 0, 4, 130


@dataclass(frozen=True, slots=True)
class Loops:
    """Every thread, by what it does; the heartbeat ends after the reports."""

    polls: tuple[Loop, Loop]
    supervisor: Loop
    reporters: tuple[Loop, ...]
    output: Loop
    housekeeping: Loop
    heartbeat: Loop
    clients: Loop
    inquiries: Loop

    def all(self) -> list[Loop]:
        return [*self.polls, *self.workers(), self.heartbeat, self.clients, self.inquiries]

    def workers(self) -> Iterator[Loop]:
        """Those that leave quickly when they are told to; a parked poll does not."""
        yield self.supervisor
        yield from self.reporters
        yield self.output
        yield self.housekeeping


class Launcher:
    """One launcher process: its parts, its threads and its way out."""

    def __init__(self, config: Config, environment: Mapping[str, str], machine: Machine, client: HttpClient) -> None:
        self._config = config
        self._machine = machine
        self.state_folder = machine.state_folder(config.state_dir)
        self.lifecycle = Lifecycle(machine, max_total_jobs=config.max_total_jobs)
        tokens = TokenSource(config.token, config.token_file)
        self._api = ApiClient(client, tokens, runtime_url=config.runtime_url, poll_timeout=config.poll_timeout)
        self._environment = base_environment(environment, config.environment_rule)
        self._service = ServiceWatch(environment)
        self._registry = RunningJobsRegistry(machine)
        self._tally = Tally()
        self._numbers: NumbersServer | None = None
        self._exit_code = EXIT_OK
        self._drains_until: float | None = None
        self._was_told_to_go = False

    def run(self) -> int:
        """Run until told to leave and return the exit code.

        Errors:  ConfigurationError, StateFolderBusy, OrderFailed.
        """
        self.state_folder.take()
        self._build()
        self._tell_numbers()
        self._supervisor.begin()
        self._machine.raise_descriptor_limit()
        _warn_of_low_memory(self._machine.available_memory())
        _warn_of_stray_project_dir(self._config)
        for loop in self._loops.all():
            loop.start()
        self._service.ready()
        self._wait(Watchdog(self._loops.all(), machine=self._machine))
        self._leave()
        return self._exit_code

    def _build(self) -> None:
        """Build what can be built only once the state folder is ours."""
        config, api, machine, registry = self._config, self._api, self._machine, self._registry
        environment = self._environment
        lines = machine.keeper_lines(self.state_folder.keepers_path, config.containment, environment)
        self._keepers = Keepers(lines, environment, machine, partial(startable_warm, config))
        self._stopper = Stopper(registry, self._keepers)
        command = command_of(COMMAND, config)
        look_here = partial(look, machine, command, environment, self.state_folder.versions_path)
        self._clients = Clients(look_here, config.clients_every_seconds, self._clients_changed)
        identity = IdentityFile(self.state_folder.identity_path, machine, config.host_name)
        host_name = identity.host_name()
        self._registration = Registration(
            api, identity, registry, config, self._stopper.apply, self.lifecycle, machine, self._clients
        )
        folders = RunFolders(self.state_folder.runs_path, machine.disk)
        admission = Admission(registry.at_work, self.lifecycle, config, machine)
        self._supervisor = Supervisor(registry, self._keepers, folders, admission, machine)
        roots, now = config.project_roots, machine.monotonic
        find = partial(changes_of, roots=roots, environment=environment, monotonic=now)
        self._inquiries = Inquiries(api, self._registration, find)
        starter = Starter(
            api, Executor(self._keepers, config, host_name), self._keepers, registry, self._registration, folders,
            admission, self.lifecycle, machine,
        )  # fmt: skip
        self._poller = self._make_poller(starter, admission)
        registry.tell_of_change = self._tally.changed
        registry.tell(self._place_freed, self._attempt_over)
        admission.tell(self._jobs_cannot_be_started)
        self._loops = self._make_loops(OutputUploader(api), folders)

    def _tell_numbers(self) -> None:
        if (place := self._config.metrics) is None:
            return
        # Here, for most launchers are never asked and are not to pay for it.
        from lib.numbers.server import NumbersServer

        try:
            from lib.numbers.exposition import Moment, Numbers
        except ImportError as error:
            raise ConfigurationError(
                f"cannot tell numbers at '{place.host}:{place.port}': this launcher's Python has no "
                "'prometheus_client' (install it there: pip install prometheus-client; or leave out --metrics)"
            ) from error
        registry = self._registry
        moment = Moment(
            lambda: len(registry.at_work()), registry.unreported, self.state_folder.keepers_path, self._config.max_jobs
        )
        numbers = Numbers(self._tally, moment)
        self._numbers = NumbersServer(place, numbers.write)
        self._numbers.start()

    def _make_poller(self, starter: Starter, admission: Admission) -> Poller:
        return Poller(
            self._api,
            self._registration,
            admission,
            self.lifecycle,
            start_jobs=starter.start,
            stop_jobs=self._stopper.stop_jobs,
            take_inquiries=self._take_inquiries,
            is_idle=self._is_idle if self._config.exit_when_idle else None,
            machine=self._machine,
        )

    def _make_heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._api,
            self._registration,
            self._registry,
            self._stopper,
            interval_seconds=self._config.heartbeat_interval,
            poll_age_seconds=self._poller.age_seconds,
            machine=self._machine,
            clients=self._clients,
        )

    def _make_loops(self, uploader: OutputUploader, folders: RunFolders) -> Loops:
        def loop(name: str, step: Callable[[], float], stale_seconds: float) -> Loop:
            return Loop(name, step, stale_seconds=stale_seconds, machine=self._machine)

        registry, machine = self._registry, self._machine
        reporter = Reporter(
            self._api, self._registration, registry, self._keepers, uploader, machine, self._was_reported
        )
        shipper = OutputShipper(registry.attempts, lambda: self._registration.launcher_id, uploader, machine)
        keeping = partial(keep_house, folders, lambda: {attempt.key for attempt in registry.attempts()}, machine)
        poll_stale = max(POLL_STALE_SECONDS, 2 * self._config.poll_timeout + 30)
        supervisor = loop("supervisor", lambda: self._supervisor.step(supervisor.stamp), SUPERVISOR_STALE_SECONDS)
        output = loop("output", lambda: shipper.round(output.stamp), DELIVERY_STALE_SECONDS)
        return Loops(
            polls=(loop("poll", self._poller.step, poll_stale), loop("poll-2", self._poller.step, poll_stale)),
            supervisor=supervisor,
            reporters=tuple(
                loop(f"reporter-{number}", reporter.step, DELIVERY_STALE_SECONDS) for number in range(1, REPORTERS + 1)
            ),
            output=output,
            housekeeping=loop("housekeeping", keeping, HOUSEKEEPING_STALE_SECONDS),
            heartbeat=loop("heartbeat", self._make_heartbeat().step, 2 * self._config.heartbeat_interval + 20),
            clients=loop("clients", self._clients.step, CLIENTS_STALE_SECONDS),
            inquiries=loop("inquiries", self._inquiries.step, INQUIRIES_STALE_SECONDS),
        )

    def _was_reported(self, report: Report) -> None:
        self._tally.reported(report)
        if report.reason in CLIENT_FAILURES:
            self._loops.clients.wake()

    def _take_inquiries(self, inquiries: tuple[Inquiry, ...]) -> None:
        self._inquiries.take(inquiries)
        self._loops.inquiries.wake()

    def _clients_changed(self) -> None:
        self._loops.heartbeat.wake()

    def _place_freed(self) -> None:
        self._poller.refresh(is_freed=True)
        if not self.lifecycle.takes_jobs:
            self.lifecycle.tell(Event.LOOK)

    def _jobs_cannot_be_started(self) -> None:
        self._poller.refresh()
        # Most often the disk is full, and what was delivered long ago takes the room.
        self._loops.housekeeping.wake()

    def _attempt_over(self, attempt: Attempt, change: Delivered | Dropped) -> None:
        if attempt.keeper is not None:
            self._keepers.forget(attempt.keeper, attempt.key)
        else:
            self._keepers.take_back(attempt.key)
        if isinstance(change, Dropped):
            attempt.folder.delete()

    def _is_idle(self) -> bool:
        return self._clients.has_looked and not self._registry.at_work() and not self._registry.unreported()

    def _wait(self, watchdog: Watchdog) -> None:
        deadline: float | None = None
        while self.lifecycle.phase is not Phase.LEAVING:
            event = self.lifecycle.next_event(TICK_SECONDS)
            if event is not None:
                self._on(event)
            self._look_at_drain()
            watchdog.look()
            self._service.alive()
            if self.lifecycle.takes_jobs or self._registry.at_work():
                continue
            deadline = deadline or self._machine.monotonic() + LAST_REPORTS_SECONDS
            undelivered = len(self._registry.to_deliver())
            if not undelivered:
                return
            if self._machine.monotonic() > deadline:
                log.warning("%d ended jobs are not delivered yet; the next start delivers them", undelivered)
                return

    def _on(self, event: Event) -> None:
        if event is Event.INTERRUPT:
            self._one_phase_further()
        elif event is Event.DRAIN and self.lifecycle.advance(Phase.DRAINING):
            self._drain()
        elif event is Event.CLIENTS:
            self._loops.clients.wake()
        elif event is Event.HANG_UP:
            log.info(
                "leaving at once; %d running jobs go on and the next start adopts them", len(self._registry.at_work())
            )
            self.lifecycle.advance(Phase.LEAVING)
        elif event is Event.SUPERSEDED:
            log.error(
                "another launcher has taken this identity; leaving without touching %d running jobs",
                len(self._registry.at_work()),
            )
            self._exit_code = EXIT_SUPERSEDED
            self.lifecycle.advance(Phase.LEAVING)

    def _one_phase_further(self) -> None:
        was_told_to_go, self._was_told_to_go = self._was_told_to_go, True
        if self.lifecycle.advance(Phase.DRAINING):
            self._drain()
        elif was_told_to_go or self.lifecycle.phase is not Phase.DRAINING:
            self._do_not_wait()
            return
        # It may have been draining by itself, after the last job that it may take: nobody has been told yet.
        if self._config.drain.seconds is not None:
            self._drains_until = self._machine.monotonic() + self._config.drain.seconds
        log.info("no more jobs are taken; %d still run (Ctrl+C again stops them)", len(self._registry.at_work()))

    def _do_not_wait(self) -> None:
        if self.lifecycle.advance(Phase.STOPPING):
            log.info("stopping %d running jobs (Ctrl+C again leaves them running and quits)", self._stopper.stop_all())
        else:
            self._exit_code = EXIT_INTERRUPTED
            self._on(Event.HANG_UP)

    def _look_at_drain(self) -> None:
        """Go on when what still runs has been waited for long enough."""
        if self._drains_until is None or self._machine.monotonic() < self._drains_until:
            return
        self._drains_until = None
        if self.lifecycle.phase is Phase.DRAINING:
            log.info("jobs were waited for as long as --drain-within allows")
            self._on(Event.INTERRUPT if self._config.drain.is_stop else Event.HANG_UP)

    def _drain(self) -> None:
        self._poller.refresh(is_forced=True)

    def _leave(self) -> None:
        is_clean = self.lifecycle.phase is not Phase.LEAVING
        self.lifecycle.advance(Phase.LEAVING)
        self._service.leaving()
        for loop in (*self._loops.polls, *self._loops.workers(), self._loops.clients, self._loops.inquiries):
            loop.stop()
        self._poller.close()
        self._registry.close()
        self._supervisor.wake()
        for loop in self._loops.workers():
            loop.join(JOIN_SECONDS)
        self._loops.heartbeat.stop()
        self._loops.heartbeat.join(JOIN_SECONDS)
        if is_clean:
            self._say_goodbye()
        if self._numbers is not None:
            self._numbers.stop()
        self._keepers.close()
        self.state_folder.give_back()

    def _say_goodbye(self) -> None:
        registered = self._registration.current
        if registered is None or self._registry.attempts():
            return
        try:
            self._api.forget(registered.launcher_id)
        except CallFailed as error:
            log.info("goodbye not said error=%s", error)


def _warn_of_low_memory(available: int | None) -> None:
    if available is not None and available < LOW_MEMORY_BYTES:
        log.warning("free memory is short: %d MiB; agents may need more than that", available >> 20)


def _warn_of_stray_project_dir(config: Config) -> None:
    if config.is_project_dir_outside:
        log.warning(
            "the project folder '%s' is outside the project roots: jobs that name no folder of their own "
            "will be refused (PROJECT_DIR, AGENT_LAUNCHER_PROJECT_ROOTS)",
            config.project_dir,
        )
