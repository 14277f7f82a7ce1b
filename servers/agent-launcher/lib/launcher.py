"""Build the parts of one launcher, start them, wait, and stop them in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from lib.admission import Admission
from lib.api_client import ApiClient, HttpClient, TokenSource, http_client
from lib.child_environment import base_environment
from lib.config import Config
from lib.errors import CallFailed
from lib.executor import Executor
from lib.heartbeat import Heartbeat
from lib.holdings import Holdings
from lib.housekeeping import Housekeeping
from lib.lifecycle import Event, Lifecycle, Phase
from lib.log_shipper import LogShipper
from lib.log_upload import LogUploader
from lib.loop import Loop
from lib.machine import Machine
from lib.models import Json, JsonObject
from lib.outbox import Outbox
from lib.poller import Poller
from lib.recovery import Settling, recover
from lib.registration import IdentityFile, Registration
from lib.registry import RunningJobsRegistry
from lib.reporter import Reporter
from lib.run_directory import RunsFolder
from lib.service_watch import ServiceWatch
from lib.starter import Starter
from lib.stopper import Stopper
from lib.supervisor import Supervisor
from lib.watchdog import Watchdog

log = logging.getLogger("agent-launcher")

REPORTERS = 4
POLL_STALE_SECONDS, SUPERVISOR_STALE_SECONDS, DELIVERY_STALE_SECONDS = 90.0, 10.0, 90.0
HOUSEKEEPING_STALE_SECONDS = 600.0
TICK_SECONDS = 1.0
LAST_REPORTS_SECONDS = 30.0
JOIN_SECONDS = 2.0
LOW_MEMORY_BYTES = 1 << 30
EXIT_OK, EXIT_SUPERSEDED, EXIT_INTERRUPTED = 0, 4, 130


class Launcher:
    """One launcher process: its parts, its threads and its way out."""

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        machine: Machine | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self._config = config
        self._machine = machine = machine or Machine()
        self.state_folder = machine.state_folder(config.state_dir)
        self.lifecycle = Lifecycle(max_total_jobs=config.max_total_jobs, machine=machine)
        self._shims = machine.shims(base_environment(environment, config.environment_rule))
        self._registry = RunningJobsRegistry()
        self._outbox = Outbox(machine)
        self._api = ApiClient(
            config.runtime_url,
            TokenSource(config.token, config.token_file),
            poll_timeout=config.poll_timeout,
            client=client or http_client(config.runtime_url, config.ca_file),
        )
        self._runs = RunsFolder(self.state_folder.runs_path, machine.disk, machine.boot_id)
        self._stopper = Stopper(self._registry, self._outbox)
        self._service = ServiceWatch(environment)
        self._exit_code = EXIT_OK
        self._loops: list[Loop] = []

    def run(self) -> int:
        """Run until told to leave and return the exit code.

        Errors:  ConfigurationError, StateFolderBusy.
        """
        self.state_folder.take()
        self._shims.start()
        self._machine.raise_descriptor_limit()
        self._build()
        recover(self._runs, self._registry, self._outbox, self._supervisor.watch, self._machine)
        _warn_of_low_memory(self._machine.available_memory())
        _warn_of_stray_project_dir(self._config)
        for loop in self._loops:
            loop.start()
        self._service.ready()
        self._wait(Watchdog(self._loops, machine=self._machine))
        self._leave()
        return self._exit_code

    def _build(self) -> None:
        config, api, machine = self._config, self._api, self._machine
        holdings = Holdings(self._registry, self._outbox)
        self._registration = Registration(
            api,
            IdentityFile(self.state_folder.identity_path, machine),
            holdings,
            self._about(),
            self._stopper.apply,
            machine,
            is_leaving=lambda: self.lifecycle.phase is Phase.LEAVING,
        )
        admission = self._make_admission(holdings)
        settling = Settling(self._registry, self._outbox, self._place_freed, machine)
        self._supervisor = Supervisor(self._registry, settling.settle, machine)
        starter = Starter(
            api,
            self._make_executor(),
            self._registry,
            self._registration,
            self._outbox,
            admission,
            self.lifecycle,
            self._supervisor.watch,
            machine,
        )
        self._poller = self._make_poller(starter, admission)
        uploader = LogUploader(api)
        reporter = Reporter(
            api,
            self._registration,
            self._outbox,
            uploader,
            self.lifecycle,
            starter.start_again,
            self._place_freed,
            machine,
        )
        heartbeat = Heartbeat(
            api,
            self._registration,
            holdings,
            self._outbox,
            self._stopper,
            self.lifecycle,
            interval_seconds=config.heartbeat_interval,
            poll_age_seconds=self._poller.age_seconds,
            machine=machine,
        )
        self._make_loops(reporter, LogShipper(self._registry, self._registration, uploader, machine), heartbeat)

    def _make_admission(self, holdings: Holdings) -> Admission:
        return Admission(
            holdings.at_work,
            self.lifecycle,
            max_jobs=self._config.max_jobs,
            memory_floor_bytes=self._config.memory_floor_bytes,
            available_memory=self._machine.available_memory,
            machine=self._machine,
        )

    def _make_executor(self) -> Executor:
        return Executor(
            self._shims,
            self._runs,
            project_root=self._config.project_root,
            project_dir=self._config.project_dir,
            runtime_url=self._config.runtime_url,
            project_roots=self._config.project_roots,
            output_limit_bytes=self._config.output_limit_bytes,
            machine=self._machine,
        )

    def _make_poller(self, starter: Starter, admission: Admission) -> Poller:
        return Poller(
            self._api,
            self._registration,
            admission,
            self.lifecycle,
            start_job=starter.start,
            stop_jobs=self._stopper.stop_jobs,
            is_idle=self._is_idle if self._config.exit_when_idle else None,
            machine=self._machine,
        )

    def _make_loops(self, reporter: Reporter, shipper: LogShipper, heartbeat: Heartbeat) -> None:
        def loop(name: str, step: Callable[[], float], stale_seconds: float) -> Loop:
            return Loop(name, step, stale_seconds=stale_seconds, machine=self._machine)

        poll_stale = max(POLL_STALE_SECONDS, 2 * self._config.poll_timeout + 30)
        polls = [loop(name, self._poller.step, poll_stale) for name in ("poll", "poll-2")]
        supervisor = loop("supervisor", lambda: self._supervisor.step(supervisor.stamp), SUPERVISOR_STALE_SECONDS)
        reporters = [loop(f"reporter-{n}", reporter.step, DELIVERY_STALE_SECONDS) for n in range(1, REPORTERS + 1)]
        logs = loop("log", lambda: shipper.round(logs.stamp), DELIVERY_STALE_SECONDS)
        keeping = loop("housekeeping", Housekeeping(self._runs, self._machine).step, HOUSEKEEPING_STALE_SECONDS)
        beats = loop("heartbeat", heartbeat.step, 2 * self._config.heartbeat_interval + 20)
        # The heartbeat is last: it ends after the reports.
        self._loops = [*polls, supervisor, *reporters, logs, keeping, beats]

    def _about(self) -> JsonObject:
        labels: dict[str, Json] = dict(self._config.labels)
        return {
            "name": self._config.name,
            "hostname": self._machine.host_name(),
            "labels": labels,
            "max_jobs": self._config.max_jobs,
        }

    def _place_freed(self) -> None:
        self._poller.refresh()
        if not self.lifecycle.takes_jobs:
            self.lifecycle.tell(Event.LOOK)

    def _is_idle(self) -> bool:
        return not len(self._registry) and not self._outbox.unreported()

    def _wait(self, watchdog: Watchdog) -> None:
        deadline: float | None = None
        while self.lifecycle.phase is not Phase.LEAVING:
            event = self.lifecycle.next_event(TICK_SECONDS)
            if event is not None:
                self._on(event)
            watchdog.look()
            self._service.alive()
            if self.lifecycle.takes_jobs or len(self._registry):
                continue
            deadline = deadline or self._machine.monotonic() + LAST_REPORTS_SECONDS
            if not len(self._outbox):
                return
            if self._machine.monotonic() > deadline:
                log.warning("%d ended jobs are not delivered yet; the next start delivers them", len(self._outbox))
                return

    def _on(self, event: Event) -> None:
        if event is Event.INTERRUPT:
            self._one_phase_further()
        elif event is Event.DRAIN and self.lifecycle.advance(Phase.DRAINING):
            self._drain()
        elif event is Event.HANG_UP:
            log.info("leaving at once; %d running jobs go on and the next start adopts them", len(self._registry))
            self.lifecycle.advance(Phase.LEAVING)
        elif event is Event.SUPERSEDED:
            log.error(
                "another launcher has taken this identity; leaving without touching %d running jobs",
                len(self._registry),
            )
            self._exit_code = EXIT_SUPERSEDED
            self.lifecycle.advance(Phase.LEAVING)

    def _one_phase_further(self) -> None:
        if self.lifecycle.advance(Phase.DRAINING):
            self._drain()
            log.info("no more jobs are taken; %d still run (Ctrl+C again stops them)", len(self._registry))
        elif self.lifecycle.phase is Phase.DRAINING:
            self.lifecycle.advance(Phase.STOPPING)
            log.info("stopping %d running jobs (Ctrl+C again leaves them running and quits)", self._stopper.stop_all())
        else:
            self._exit_code = EXIT_INTERRUPTED
            self._on(Event.HANG_UP)

    def _drain(self) -> None:
        self._poller.refresh(is_forced=True)

    def _leave(self) -> None:
        is_clean = self.lifecycle.phase is not Phase.LEAVING
        self.lifecycle.advance(Phase.LEAVING)
        self._service.leaving()
        beats = self._loops[-1]
        for loop in self._loops[:-1]:
            loop.stop()
        self._poller.close()
        self._outbox.close()
        self._supervisor.wake()
        for loop in self._loops[2:-1]:
            loop.join(JOIN_SECONDS)
        beats.stop()
        beats.join(JOIN_SECONDS)
        if is_clean:
            self._say_goodbye()
        self._shims.stop()
        self.state_folder.give_back()

    def _say_goodbye(self) -> None:
        registered = self._registration.current
        if registered is None or len(self._outbox):
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
