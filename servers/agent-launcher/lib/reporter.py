"""The reporter thread: delivers what ended, for ever, and gives back what never began."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from lib.api_client import ApiClient, Said
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
AT_ONCE_MAX = 32
UNREADABLE = 422
ALREADY_STARTED = "already_started"


class Reporter:
    """Works on what is due; several threads may run `step`."""

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        registry: RunningJobsRegistry,
        keepers: Keepers,
        uploader: OutputUploader,
        machine: Machine,
        tell: Callable[[Report], None] = lambda _report: None,
    ) -> None:
        """Build it; `tell` hears of each end that the runtime has taken."""
        self._tell = tell
        self._api = api
        self._registration = registration
        self._registry = registry
        self._keepers = keepers
        self._uploader = uploader
        self._machine = machine

    def step(self) -> float:
        """Do the next part of what is due, and have its outcome stored."""
        left = {attempt.key: attempt for attempt in self._registry.take(TAKE_WAIT_SECONDS, AT_ONCE_MAX)}
        try:
            for attempt, change in self._work_on(list(left.values())):
                del left[attempt.key]
                self._store(attempt, change)
        finally:
            # An attempt must survive whatever went wrong with it.
            for attempt in left.values():
                self._registry.store(attempt, Later(attempt.backoff.failed()))
        return 0.0

    def _store(self, attempt: Attempt, change: Change) -> None:
        self._registry.store(attempt, change)
        if isinstance(change, Began) and not attempt.is_over:
            log.info("job was granted and never ran, it runs now job_id=%s", attempt.job.job_id)
            self._keepers.go(attempt)

    def _work_on(self, due: Sequence[Attempt]) -> Iterator[tuple[Attempt, Change]]:
        launcher_id = self._registration.launcher_id
        if launcher_id is None:
            yield from ((attempt, self._later(attempt, "this launcher is not registered yet")) for attempt in due)
            return
        unreported = [attempt for attempt in due if attempt.is_end_unreported]
        yield from self._report(launcher_id, unreported)
        for attempt in due:
            if attempt not in unreported:
                yield attempt, self._guarded(attempt, lambda attempt: self._deliver(launcher_id, attempt))

    def _guarded(self, attempt: Attempt, deliver: Callable[[Attempt], Change]) -> Change:
        seen = self._registration.current
        try:
            return deliver(attempt)
        except IdentityLost as loss:
            self._registration.renewed(loss, seen)
            return self._later(attempt, loss)
        except (LauncherError, OSError) as error:
            return self._later(attempt, error)

    @staticmethod
    def _later(attempt: Attempt, error: object) -> Later:
        seconds = attempt.backoff.failed()
        log.warning("not delivered, trying again in %.1f s job_id=%s error=%s", seconds, attempt.job.job_id, error)
        return Later(seconds)

    def _deliver(self, launcher_id: str, attempt: Attempt) -> Change:
        if attempt.phase is Phase.UNBEGUN:
            return self._give_back(launcher_id, attempt)
        if attempt.drop_reason is not None:
            return Delivered(f"dropped: {attempt.drop_reason}")
        is_whole = self._uploader.upload(launcher_id, attempt.job, attempt.folder, attempt.output, REST_CHUNKS_MAX)
        return Delivered("reported") if is_whole else Reported()

    def _report(self, launcher_id: str, attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Change]]:
        """Report ends, together where the runtime takes that."""
        seen = self._registration.current
        self._try_tails(launcher_id, attempts)
        reports: list[tuple[Attempt, Report]] = []
        for attempt in attempts:
            assert attempt.verdict is not None, "what ended has a verdict"
            try:
                reports.append((attempt, report_of(attempt.job, attempt.folder, attempt.verdict)))
            except Exception as error:  # noqa: BLE001  (one that cannot be told of must not be in the way of the others)
                yield attempt, self._later(attempt, error)
        said = [Said.of_end(attempt.job, report) for attempt, report in reports]
        answers = self._api.report_all(launcher_id, said)
        loss = next((error for error in answers if isinstance(error, IdentityLost)), None)
        if loss is not None:
            self._registration.renewed(loss, seen)
        for (attempt, report), refusal in zip(reports, answers, strict=True):
            is_unread = isinstance(refusal, CallRejected) and refusal.status == UNREADABLE
            answer = self._report_in_short(launcher_id, attempt, report, refusal) if is_unread else refusal
            yield attempt, self._after(attempt, report, answer)

    def _report_in_short(
        self, launcher_id: str, attempt: Attempt, report: Report, refusal: CallFailed | None
    ) -> CallFailed | None:
        """Report an end without figures and hints: one that the runtime does not take must not cost it the end."""
        log.warning("reporting in short job_id=%s error=%s", attempt.job.job_id, refusal)
        said = Said.of_end(attempt.job, report.in_short(f"the runtime did not take the whole report: {refusal}"))
        return self._api.report_all(launcher_id, [said])[0]

    def _after(self, attempt: Attempt, report: Report, error: CallFailed | None) -> Change:
        job_id = attempt.job.job_id
        if isinstance(error, CallRejected):
            log.error("report put aside job_id=%s code=%s error=%s", job_id, error.code, error)
            return Delivered(f"the runtime did not take the report: {error}")
        if error is not None:
            return self._later(attempt, error)
        self._tell(report)
        log.info(
            "job %s job_id=%s attempt=%d session=%s exit_code=%s signal=%s reason=%s",
            report.outcome,
            job_id,
            attempt.job.attempt_number,
            attempt.job.session_name,
            report.exit_code,
            report.signal,
            report.reason,
        )
        return Reported()

    def _try_tails(self, launcher_id: str, attempts: Sequence[Attempt]) -> None:
        # The output goes first if it can: who hears of the end may look at once. But it must not hold up the end.
        for attempt in attempts:
            if attempt.tries:
                continue
            try:
                self._uploader.upload(launcher_id, attempt.job, attempt.folder, attempt.output, TAIL_CHUNKS_MAX)
            except CallFailed as error:
                log.warning("output not sent before the report job_id=%s error=%s", attempt.job.job_id, error)
                if error.status is None:
                    return

    def _give_back(self, launcher_id: str, attempt: Attempt) -> Change:
        """Return a claim of which nothing ran; if it was granted already, it is run now."""
        job = attempt.job
        try:
            self._api.report_declined(launcher_id, job, "never_started", "the launcher ended before the job began")
        except CallRejected as rejection:
            return Began() if rejection.code == ALREADY_STARTED else Dropped(f"not started: {rejection}")
        log.info("job given back job_id=%s attempt=%d", job.job_id, job.attempt_number)
        return Dropped("given back")
