"""The reporter thread: delivers what ended, for ever, from the run directories to the runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.api_client import ApiClient
from lib.burial import bury
from lib.errors import CallFailed, CallRejected, LauncherError, LauncherUnknown, Superseded
from lib.lifecycle import Event, Lifecycle
from lib.log_upload import LogUploader
from lib.machine import Machine
from lib.models import Report
from lib.outbox import Delivery, Outbox
from lib.registration import Registration
from lib.run_directory import RunState
from lib.stopper import STOPPED_BY_USER
from lib.verdict import report_of

log = logging.getLogger("agent-launcher")

TAIL_CHUNKS_MAX = 4
REST_CHUNKS_MAX = 16
TAKE_WAIT_SECONDS = 20.0
ALREADY_STARTED = "already_started"


class Reporter:
    """Takes one delivery at a time from the outbox; several threads may run `step`."""

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        outbox: Outbox,
        uploader: LogUploader,
        lifecycle: Lifecycle,
        start_again: Callable[[Delivery], None],
        settled: Callable[[], None],
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or Machine()
        self._api = api
        self._registration = registration
        self._outbox = outbox
        self._uploader = uploader
        self._lifecycle = lifecycle
        self._start_again = start_again
        self._settled = settled

    def step(self) -> float:
        """Deliver the next thing that is due, or put it back for later."""
        delivery = self._outbox.take(TAKE_WAIT_SECONDS)
        if delivery is None:
            return 0.0
        seen = self._registration.current
        try:
            is_done = self._deliver(delivery)
        except LauncherUnknown:
            self._register_again(delivery, seen is not None)
        except Superseded:
            self._lifecycle.tell(Event.SUPERSEDED)
            self._outbox.put_back(delivery, delivery.backoff.failed())
        except (LauncherError, OSError) as error:
            seconds = delivery.backoff.failed()
            log.warning(
                "not delivered, trying again in %.1f s job_id=%s error=%s", seconds, delivery.run.job.job_id, error
            )
            self._outbox.put_back(delivery, seconds)
        except Exception:
            # A delivery must survive whatever went wrong with it.
            self._outbox.put_back(delivery, delivery.backoff.failed())
            raise
        else:
            self._finish(delivery, is_done=is_done)
        return 0.0

    def _finish(self, delivery: Delivery, *, is_done: bool) -> None:
        if not is_done:
            self._outbox.put_back(delivery, 0.0)
            return
        self._outbox.done(delivery)
        self._settled()

    def _deliver(self, delivery: Delivery) -> bool:
        """Do the next part of a delivery and say whether it is complete."""
        launcher_id = self._registration.launcher_id
        if launcher_id is None:
            raise CallFailed("this launcher is not registered yet")
        run = delivery.run
        if run.is_gone():
            return True  # its claim came again, was refused and has taken the folder with it
        if delivery.drop_reason is not None:
            run.mark_acked(f"dropped: {delivery.drop_reason}")
            return True
        if not delivery.is_reported:
            state = run.state()
            if state is RunState.NEVER_STARTED and not run.has_crashed():
                return self._give_back(launcher_id, delivery)
            self._report(launcher_id, delivery, state)
        if not self._uploader.upload(launcher_id, run, delivery.log, REST_CHUNKS_MAX):
            return False
        run.mark_acked(delivery.note)
        return True

    def _report(self, launcher_id: str, delivery: Delivery, state: RunState) -> None:
        run = delivery.run
        verdict = run.read_verdict()
        if verdict is None:
            if state is RunState.RUNNING:
                raise CallFailed("its shim still holds the lock")
            verdict = bury(run, state, self._machine)
        if not delivery.is_tail_tried:
            delivery.is_tail_tried = True
            self._try_tail(launcher_id, delivery)
        report = report_of(run, verdict)
        try:
            self._send(launcher_id, delivery, report)
        except (LauncherUnknown, Superseded):
            raise
        except CallRejected as rejection:
            delivery.note = f"the runtime did not take the report: {rejection}"
            delivery.log.is_refused = True
            log.error("report put aside job_id=%s code=%s error=%s", run.job.job_id, rejection.code, rejection)  # noqa: TRY400
        else:
            log.info(
                "job %s job_id=%s exit_code=%s signal=%s reason=%s",
                report.outcome,
                run.job.job_id,
                report.exit_code,
                report.signal,
                report.reason,
            )
        delivery.is_reported = True

    def _try_tail(self, launcher_id: str, delivery: Delivery) -> None:
        # The output goes first if it can: who hears of the end may look at once. But it must not hold up the end.
        try:
            self._uploader.upload(launcher_id, delivery.run, delivery.log, TAIL_CHUNKS_MAX)
        except (LauncherUnknown, Superseded):
            raise
        except CallFailed as error:
            log.warning("output not sent before the report job_id=%s error=%s", delivery.run.job.job_id, error)

    def _send(self, launcher_id: str, delivery: Delivery, report: Report) -> None:
        job = delivery.run.job
        if report.outcome == "completed":
            self._api.report_completed(launcher_id, job.job_id, job, report)
        elif report.outcome == "stopped":
            self._api.report_stopped(launcher_id, job.job_id, job, report)
        else:
            self._api.report_failed(launcher_id, job.job_id, report.error or "", job, report)

    def _give_back(self, launcher_id: str, delivery: Delivery) -> bool:
        """Return a claim of which nothing ran; if it was granted already, run it now."""
        run = delivery.run
        try:
            self._api.report_declined(launcher_id, run.job, "never_started", "the launcher ended before the job began")
        except (LauncherUnknown, Superseded):
            raise
        except CallRejected as rejection:
            if rejection.code != ALREADY_STARTED:
                run.mark_acked(f"not started: {rejection}")
                return True
            return self._run_after_all(delivery)
        log.info("job given back job_id=%s attempt=%d", run.job.job_id, run.job.attempt_number)
        run.delete()
        return True

    def _run_after_all(self, delivery: Delivery) -> bool:
        run = delivery.run
        if not run.is_from_this_boot():
            # What the files said before the machine went down may not be what was on the disk.
            bury(run, RunState.HOST_REBOOTED, self._machine)
            return False
        if delivery.is_stop_asked:
            run.write_verdict({"reason": STOPPED_BY_USER, "ended_at": self._machine.wall_time()})
            return False
        log.info(
            "job was granted and never ran, starting it job_id=%s attempt=%d", run.job.job_id, run.job.attempt_number
        )
        self._start_again(delivery)
        return True

    def _register_again(self, delivery: Delivery, was_registered: bool) -> None:
        self._outbox.put_back(delivery, delivery.backoff.failed())
        try:
            self._registration.register(self._registration.current if was_registered else None)
        except CallFailed as error:
            log.warning("cannot register error=%s", error)
