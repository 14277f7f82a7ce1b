"""Take one claim to the point where it may run: into the table, to its keeper, to the runtime, and only then off."""

from __future__ import annotations

import logging

from lib.admission import CANNOT_START_HERE, Admission
from lib.api_client import ApiClient
from lib.attempt.attempt import Attempt, Began, Change, Delivered, Dropped, Unbegun
from lib.attempt.folder import RunFolders
from lib.errors import AttemptAlreadyHere, CallFailed, CallRejected, IdentityLost, JobRefused, OrderFailed
from lib.executor import Executor
from lib.keepers import Keepers
from lib.lifecycle import Lifecycle
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.wire.models import Job

log = logging.getLogger("agent-launcher")

DRAINING = "launcher_draining"
FULL = "launcher_full"


class Starter:
    """Starts or declines claims; after `start` returns, the claim is one of the two."""

    def __init__(
        self,
        api: ApiClient,
        executor: Executor,
        keepers: Keepers,
        registry: RunningJobsRegistry,
        registration: Registration,
        folders: RunFolders,
        admission: Admission,
        lifecycle: Lifecycle,
        machine: Machine,
    ) -> None:
        self._machine = machine
        self._api = api
        self._executor = executor
        self._keepers = keepers
        self._registry = registry
        self._registration = registration
        self._folders = folders
        self._admission = admission
        self._lifecycle = lifecycle

    def start(self, job: Job) -> None:
        """Start a claim, or decline it with the reason why this launcher does not."""
        attempt = Attempt(job, self._folders.of(job), self._machine)
        try:
            self._registry.add_job(job.job_id, attempt)
        except AttemptAlreadyHere as error:
            if self._registry.find(attempt.key) is None:
                self._decline(job, CANNOT_START_HERE, str(error))
            return  # else the same claim came twice, and the first one is under way
        change = self._begin(attempt)
        self._registry.store(attempt, change)
        if isinstance(change, Began):
            # After the table knows it: whoever brings table and keeper in line can say this word again.
            self._keepers.go(attempt)
            self._admission.started()
            self._lifecycle.count_job()
            log.info("job started job_id=%s attempt=%d session=%s", job.job_id, job.attempt_number, job.session_name)

    def _begin(self, attempt: Attempt) -> Change:
        job = attempt.job
        if not self._lifecycle.takes_jobs:
            return self._decline(job, DRAINING, "this launcher takes no more jobs")
        if not self._admission.has_room_for(job.job_id):
            # A poll from before the last place was taken was heard late, or twice.
            return self._decline(job, FULL, "this launcher runs as many jobs as it may")
        try:
            self._executor.execute(attempt)
        except JobRefused as refusal:
            return self._decline(job, refusal.reason, str(refusal))
        except AttemptAlreadyHere as error:
            log.error("job not started again job_id=%s error=%s", job.job_id, error)  # noqa: TRY400
            return Delivered(str(error))
        except (OSError, OrderFailed) as error:
            self._admission.failed_here(CANNOT_START_HERE)
            return self._decline(job, CANNOT_START_HERE, f"cannot start job {job.job_id!r}: {error}")
        return self._ask_for_the_grant(job)

    def _ask_for_the_grant(self, job: Job) -> Change:
        """Report started until the runtime answered; without its yes nothing may run."""
        backoff = Backoff(self._machine.chance())
        while True:
            seen = self._registration.current
            try:
                self._api.report_started(self._registration.launcher_id or "", job.job_id, job)
            except IdentityLost as loss:
                if not self._registration.renewed(loss, seen):
                    return Unbegun()
            except CallRejected as rejection:
                log.info("job not started job_id=%s code=%s", job.job_id, rejection.code)
                return Dropped(f"not granted: {rejection}")
            except CallFailed as error:
                log.warning("started not reported, trying again job_id=%s error=%s", job.job_id, error)
            else:
                return Began()
            if self._lifecycle.leaving.wait(backoff.failed()):
                # Its keeper knows that nothing ran: the next start of the launcher sorts it out.
                return Unbegun()

    def _decline(self, job: Job, reason: str, sentence: str) -> Change:
        log.info("job declined job_id=%s reason=%s", job.job_id, reason)
        try:
            self._api.report_declined(self._registration.launcher_id or "", job, reason, sentence)
        except CallFailed as error:
            # The claim comes with the next poll again, or expires.
            log.warning("declined not reported job_id=%s error=%s", job.job_id, error)
        return Dropped(sentence)
