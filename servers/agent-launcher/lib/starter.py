"""Take one claim through the gate: spawn, add to the registry, report started, and only then let it run."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.admission import Admission
from lib.api_client import ApiClient
from lib.backoff import Backoff
from lib.errors import (
    AttemptAlreadyHere,
    CallFailed,
    CallRejected,
    ForkRefused,
    JobRefused,
    LauncherError,
    LauncherUnknown,
    SpawnFailed,
    Superseded,
)
from lib.executor import Executor
from lib.job_process import JobProcess
from lib.lifecycle import Event, Lifecycle
from lib.machine import Machine
from lib.models import Job
from lib.outbox import Delivery, Outbox
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.run_directory import RunState

log = logging.getLogger("agent-launcher")

CANNOT_START_HERE = "launcher_cannot_start_jobs"
FORK_AGAIN_SECONDS = 2.0
# It counts as running and does not run: nobody should have to look at that for long.
WITHOUT_PROCESS_SECONDS_MAX = 60.0
DRAINING = "launcher_draining"
FULL = "launcher_full"


class Starter:
    """Starts or declines claims; after `start` returns, the claim is one of the two."""

    def __init__(
        self,
        api: ApiClient,
        executor: Executor,
        registry: RunningJobsRegistry,
        registration: Registration,
        outbox: Outbox,
        admission: Admission,
        lifecycle: Lifecycle,
        watch: Callable[[JobProcess], None],
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or Machine()
        self._api = api
        self._executor = executor
        self._registry = registry
        self._registration = registration
        self._outbox = outbox
        self._admission = admission
        self._lifecycle = lifecycle
        self._watch = watch
        self._in_hand: set[str] = set()
        self._lock = self._machine.lock()

    def start(self, job: Job) -> None:
        """Start a claim, or decline it with the reason why this launcher does not."""
        if not self._take_in_hand(job):
            return  # the same claim came twice; the first one is under way
        try:
            if not self._lifecycle.takes_jobs:
                self._decline(job, DRAINING, "this launcher takes no more jobs")
                return
            if not self._has_room_for(job):
                # A poll from before the last place was taken was heard late, or twice.
                self._decline(job, FULL, "this launcher runs as many jobs as it may")
                return
            self._start(job)
        finally:
            self._let_go(job)

    def start_again(self, delivery: Delivery) -> None:
        """Start a granted attempt of which nothing ran, from its run directory; its delivery is replaced or over then.

        Errors:  AttemptAlreadyHere, also if its claim came again meanwhile and it has run.
        """
        run = delivery.run
        if not self._take_in_hand(run.job):
            raise AttemptAlreadyHere(f"cannot start job {run.job.job_id!r} again: it is being started")
        try:
            if (state := run.state()) is not RunState.NEVER_STARTED:
                raise AttemptAlreadyHere(f"cannot start job {run.job.job_id!r} again: its attempt is {state.value}")
            try:
                process = self._executor.execute_again(run)
            except SpawnFailed as error:
                self._try_again_later(delivery, error)
                return
            try:
                self._registry.add_job(run.job.job_id, process)
            except AttemptAlreadyHere:
                process.close()
                raise
            # In this order: at every moment it is in one of the two.
            self._outbox.done(delivery)
            self._pass_the_gate(run.job, process, delivery)
        finally:
            self._let_go(run.job)

    def _take_in_hand(self, job: Job) -> bool:
        held = self._registry.get_job(job.job_id)
        if held is not None and held.process.run.job.attempt_number == job.attempt_number:
            return False
        with self._lock:
            if job.job_id in self._in_hand:
                return False
            self._in_hand.add(job.job_id)
        return True

    def _has_room_for(self, job: Job) -> bool:
        with self._lock:
            return self._admission.has_room_for(job.job_id, self._in_hand)

    def _let_go(self, job: Job) -> None:
        with self._lock:
            self._in_hand.discard(job.job_id)

    def _start(self, job: Job) -> None:
        try:
            process = self._executor.execute(job)
        except JobRefused as refusal:
            self._decline(job, refusal.reason, str(refusal))
            return
        except AttemptAlreadyHere as error:
            log.error("job not started again job_id=%s error=%s", job.job_id, error)  # noqa: TRY400
            return
        except (OSError, SpawnFailed) as error:
            self._admission.failed_here(CANNOT_START_HERE)
            self._decline(job, CANNOT_START_HERE, f"cannot start job {job.job_id!r}: {error}")
            return
        try:
            self._registry.add_job(job.job_id, process)
        except AttemptAlreadyHere as error:
            _discard(process)
            self._decline(job, CANNOT_START_HERE, str(error))
            return
        self._pass_the_gate(job, process)

    def _pass_the_gate(self, job: Job, process: JobProcess, delivery: Delivery | None = None) -> None:
        if not self._ask_for_the_grant(job, process):
            self._registry.remove_job(job.job_id)
            return
        try:
            process.wait_until_locked()
            process.open_gate()
        except LauncherError as error:
            process.close()
            self._settle_unbegun(delivery or Delivery(process.run, process.log, self._machine), error)
            # In this order: at every moment it is in one of the two, and so among what we say that we hold.
            self._registry.remove_job(job.job_id)
            return
        self._admission.started()
        self._lifecycle.count_job()
        self._watch(process)
        log.info("job started job_id=%s attempt=%d session=%s", job.job_id, job.attempt_number, job.session_name)

    def _ask_for_the_grant(self, job: Job, process: JobProcess) -> bool:
        """Report started until the runtime answered; without its yes nothing may run."""
        backoff = Backoff(self._machine.chance(), was_connected=False)
        while True:
            seen = self._registration.current
            try:
                self._api.report_started(self._registration.launcher_id or "", job.job_id, job)
            except Superseded:
                self._lifecycle.tell(Event.SUPERSEDED)
                process.close()
                return False
            except LauncherUnknown:
                self._register_again(seen)
            except CallRejected as rejection:
                log.info("job not started job_id=%s code=%s", job.job_id, rejection.code)
                _discard(process)
                return False
            except CallFailed as error:
                log.warning("started not reported, trying again job_id=%s error=%s", job.job_id, error)
            else:
                return True
            if self._lifecycle.leaving.wait(backoff.failed()):
                # Its folder says that nothing ran: the next start of the launcher sorts it out.
                process.close()
                return False

    def _register_again(self, seen: object) -> None:
        try:
            self._registration.register(self._registration.current if self._registration.current is seen else None)
        except CallFailed as error:
            log.warning("cannot register error=%s", error)

    def _settle_unbegun(self, delivery: Delivery, error: LauncherError) -> None:
        """Hand a granted attempt, whose gate could not be opened, to the reporter."""
        job_id = delivery.run.job.job_id
        if isinstance(error, ForkRefused):
            self._try_again_later(delivery, error)
        elif isinstance(error, AttemptAlreadyHere):
            # Another shim runs this attempt, or has run it: its folder tells what becomes of it.
            log.error("job not started twice job_id=%s error=%s", job_id, error)
            self._outbox.put_back(delivery.begun_anew(), 0.0)
        else:
            self._fail(delivery, error)

    def _try_again_later(self, delivery: Delivery, error: LauncherError) -> None:
        """Granted, but the machine had no process for it: take no other job, and try this one for a while."""
        self._admission.failed_here(CANNOT_START_HERE, 3 * FORK_AGAIN_SECONDS)
        job, now = delivery.run.job, self._machine.monotonic()
        if delivery.without_process_since is None:
            delivery.without_process_since = now
        waited = now - delivery.without_process_since
        if waited >= min(job.timeout_seconds or WITHOUT_PROCESS_SECONDS_MAX, WITHOUT_PROCESS_SECONDS_MAX):
            self._fail(delivery, SpawnFailed(f"{error}; tried for {waited:.0f} s"))
            return
        log.warning("job waits for a process job_id=%s error=%s", job.job_id, error)
        # Its folder says that nothing ran: the reporter offers it back, hears that it was granted, and starts it again.
        self._outbox.put_back(delivery.begun_anew(may_begin=True), max(FORK_AGAIN_SECONDS, delivery.backoff.failed()))

    def _fail(self, delivery: Delivery, error: LauncherError) -> None:
        """Granted, but the shim did not come up: nothing ran, and the runtime is told so."""
        run = delivery.run
        log.error("job could not be started job_id=%s error=%s", run.job.job_id, error)
        try:
            run.write_spawn_failure(str(error), self._machine.wall_time())
        except OSError as full:
            # Without a verdict it counts as never started, which is true: it is given back, or started once more.
            log.warning("verdict not written job_id=%s error=%s", run.job.job_id, full)
        self._outbox.put_back(delivery.begun_anew(), 0.0)

    def _decline(self, job: Job, reason: str, sentence: str) -> None:
        log.info("job declined job_id=%s reason=%s", job.job_id, reason)
        try:
            self._api.report_declined(self._registration.launcher_id or "", job, reason, sentence)
        except CallFailed as error:
            # The claim comes with the next poll again, or expires.
            log.warning("declined not reported job_id=%s error=%s", job.job_id, error)


def _discard(process: JobProcess) -> None:
    process.close()
    process.run.delete()
