"""The reporter thread: delivers what ended, for ever, and gives back what never began."""

from __future__ import annotations

import logging

from lib.api_client import ApiClient
from lib.attempt.attempt import Attempt, Began, Change, Delivered, Dropped, Later, Phase, Reported
from lib.attempt.output import OutputUploader
from lib.attempt.report import report_of
from lib.errors import CallFailed, CallRejected, IdentityLost, LauncherError
from lib.keepers import Keepers
from lib.machine.machine import Machine
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.wire.models import Report

log = logging.getLogger("agent-launcher")

TAIL_CHUNKS_MAX = 4
REST_CHUNKS_MAX = 16
TAKE_WAIT_SECONDS = 20.0
ALREADY_STARTED = "already_started"


class Reporter:
    """Works on one attempt at a time that is due; several threads may run `step`."""

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        registry: RunningJobsRegistry,
        keepers: Keepers,
        uploader: OutputUploader,
        machine: Machine,
    ) -> None:
        self._api = api
        self._registration = registration
        self._registry = registry
        self._keepers = keepers
        self._uploader = uploader
        self._machine = machine

    def step(self) -> float:
        """Do the next part of what is due, and have its outcome stored."""
        attempt = self._registry.take(TAKE_WAIT_SECONDS)
        if attempt is None:
            return 0.0
        change: Change | None = None
        try:
            change = self._work_on(attempt)
        finally:
            # An attempt must survive whatever went wrong with it.
            self._registry.store(attempt, change or Later(attempt.backoff.failed()))
        if isinstance(change, Began):
            log.info("job was granted and never ran, it runs now job_id=%s", attempt.job.job_id)
            self._keepers.go(attempt)
        return 0.0

    def _work_on(self, attempt: Attempt) -> Change:
        seen = self._registration.current
        try:
            return self._deliver(attempt)
        except IdentityLost as loss:
            self._registration.renewed(loss, seen)
            return Later(attempt.backoff.failed())
        except (LauncherError, OSError) as error:
            seconds = attempt.backoff.failed()
            log.warning("not delivered, trying again in %.1f s job_id=%s error=%s", seconds, attempt.job.job_id, error)
            return Later(seconds)

    def _deliver(self, attempt: Attempt) -> Change:
        launcher_id = self._registration.launcher_id
        if launcher_id is None:
            raise CallFailed("this launcher is not registered yet")
        if attempt.phase is Phase.UNBEGUN:
            return self._give_back(launcher_id, attempt)
        if attempt.drop_reason is not None:
            return Delivered(f"dropped: {attempt.drop_reason}")
        if not attempt.is_reported:
            return self._report(launcher_id, attempt)
        is_whole = self._uploader.upload(launcher_id, attempt.job, attempt.folder, attempt.output, REST_CHUNKS_MAX)
        return Delivered("reported") if is_whole else Reported()

    def _report(self, launcher_id: str, attempt: Attempt) -> Change:
        if attempt.tries == 0:
            self._try_tail(launcher_id, attempt)
        assert attempt.verdict is not None, "what ended has a verdict"
        report = report_of(attempt.job, attempt.folder, attempt.verdict)
        try:
            self._send(launcher_id, attempt, report)
        except CallRejected as rejection:
            log.error("report put aside job_id=%s code=%s error=%s", attempt.job.job_id, rejection.code, rejection)  # noqa: TRY400
            return Delivered(f"the runtime did not take the report: {rejection}")
        log.info(
            "job %s job_id=%s exit_code=%s signal=%s reason=%s",
            report.outcome,
            attempt.job.job_id,
            report.exit_code,
            report.signal,
            report.reason,
        )
        return Reported()

    def _try_tail(self, launcher_id: str, attempt: Attempt) -> None:
        # The output goes first if it can: who hears of the end may look at once. But it must not hold up the end.
        try:
            self._uploader.upload(launcher_id, attempt.job, attempt.folder, attempt.output, TAIL_CHUNKS_MAX)
        except IdentityLost:
            raise
        except CallFailed as error:
            log.warning("output not sent before the report job_id=%s error=%s", attempt.job.job_id, error)

    def _send(self, launcher_id: str, attempt: Attempt, report: Report) -> None:
        job = attempt.job
        if report.outcome == "completed":
            self._api.report_completed(launcher_id, job.job_id, job, report)
        elif report.outcome == "stopped":
            self._api.report_stopped(launcher_id, job.job_id, job, report)
        else:
            self._api.report_failed(launcher_id, job.job_id, report.error or "", job, report)

    def _give_back(self, launcher_id: str, attempt: Attempt) -> Change:
        """Return a claim of which nothing ran; if it was granted already, it is run now."""
        job = attempt.job
        try:
            self._api.report_declined(launcher_id, job, "never_started", "the launcher ended before the job began")
        except CallRejected as rejection:
            return Began() if rejection.code == ALREADY_STARTED else Dropped(f"not started: {rejection}")
        log.info("job given back job_id=%s attempt=%d", job.job_id, job.attempt_number)
        return Dropped("given back")
