"""Take claims to the point where they may run: into the table, to their keeper, to the runtime, and only then off."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lib.admission import CANNOT_START_HERE, Admission
from lib.api_client import ApiClient, Said
from lib.attempt.attempt import Attempt, Began, Change, Delivered, Dropped, Unbegun
from lib.attempt.folder import RunFolders
from lib.errors import AttemptAlreadyHere, CallFailed, CallRejected, IdentityLost, JobRefused, OrderFailed
from lib.executor import Executor
from lib.keepers import Keepers, Order
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

    def start(self, jobs: Sequence[Job]) -> None:
        """Start claims, or decline each with the reason why this launcher does not.

        They go together, each step of all of them before the next one: a step costs a write to the disk or a call.
        """
        orders = [order for job in jobs if (order := self._order(job)) is not None]
        ready = [attempt for attempt, order in orders if self._is_ready(attempt, order)]
        self._ask_for_grants(ready)

    def _order(self, job: Job) -> tuple[Attempt, Order] | None:
        """Hand a claim to the keeper; nothing if it was declined instead."""
        attempt = Attempt(job, self._folders.of(job), self._machine)
        for before in self._registry.unbegun_before(job):
            # The runtime has it back, and its answer to that is still on the way.
            self._registry.store(before, Dropped("given back"))
        try:
            self._registry.add_job(job.job_id, attempt)
        except AttemptAlreadyHere as error:
            if self._registry.find(attempt.key) is None:
                self._decline(job, CANNOT_START_HERE, str(error))
            return None  # else the same claim came twice, and the first one is under way
        try:
            return attempt, self._prepare(attempt)
        except JobRefused as refusal:
            self._registry.store(attempt, self._decline(job, refusal.reason, str(refusal)))
        except OSError as error:
            self._registry.store(attempt, self._decline_as_unable(job, error))
        return None

    def _prepare(self, attempt: Attempt) -> Order:
        if not self._lifecycle.takes_jobs:
            raise JobRefused(DRAINING, "this launcher takes no more jobs")
        if not self._admission.has_room_for(attempt.job.job_id):
            # A poll from before the last place was taken was heard late, or twice.
            raise JobRefused(FULL, "this launcher runs as many jobs as it may")
        return self._executor.execute(attempt)

    def _is_ready(self, attempt: Attempt, order: Order) -> bool:
        try:
            attempt.keeper = self._keepers.taken(order)
        except AttemptAlreadyHere as error:
            log.error("job not started again job_id=%s error=%s", attempt.job.job_id, error)  # noqa: TRY400
            self._registry.store(attempt, Delivered(str(error)))
        except JobRefused as refusal:
            self._registry.store(attempt, self._decline(attempt.job, refusal.reason, str(refusal)))
        except OrderFailed as error:
            self._registry.store(attempt, self._decline_as_unable(attempt.job, error))
        return attempt.keeper is not None

    def _ask_for_grants(self, attempts: Sequence[Attempt]) -> None:
        """Report started until the runtime answered for each; without its yes nothing may run."""
        backoff = Backoff(self._machine.chance())
        waiting = self._ask_once(attempts)
        while waiting:
            if self._lifecycle.leaving.wait(backoff.failed()):
                # Their keeper knows that nothing ran: the next start of the launcher sorts it out.
                for attempt in waiting:
                    self._registry.store(attempt, Unbegun())
                return
            waiting = self._ask_once(waiting)

    def _ask_once(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Let those go that are granted, and return those for which there was no answer."""
        seen = self._registration.current
        said = [Said(attempt.job, "started") for attempt in attempts]
        answers = self._api.report_all(self._registration.launcher_id or "", said)
        waiting: list[Attempt] = []
        for attempt, error in zip(attempts, answers, strict=True):
            if error is None:
                self._begin(attempt)
            elif isinstance(error, CallRejected):
                log.info("job not started job_id=%s code=%s", attempt.job.job_id, error.code)
                self._registry.store(attempt, Dropped(f"not granted: {error}"))
            else:
                log.warning("started not reported, trying again job_id=%s error=%s", attempt.job.job_id, error)
                waiting.append(attempt)
        loss = next((error for error in answers if isinstance(error, IdentityLost)), None)
        if loss is not None and not self._registration.renewed(loss, seen):
            for attempt in waiting:
                self._registry.store(attempt, Unbegun())
            return []
        return waiting

    def _begin(self, attempt: Attempt) -> None:
        self._registry.store(attempt, Began())
        # After the table knows it: whoever brings table and keeper in line can say this word again.
        self._keepers.go(attempt)
        self._admission.started()
        self._lifecycle.count_job()
        job = attempt.job
        log.info("job started job_id=%s attempt=%d session=%s", job.job_id, job.attempt_number, job.session_name)

    def _decline_as_unable(self, job: Job, error: Exception) -> Change:
        """Decline what cannot be started here for a reason that the next one would have too."""
        self._admission.failed_here(CANNOT_START_HERE)
        return self._decline(job, CANNOT_START_HERE, f"cannot start job {job.job_id!r}: {error}")

    def _decline(self, job: Job, reason: str, sentence: str) -> Change:
        log.info(
            "job declined job_id=%s attempt=%d session=%s reason=%s",
            job.job_id, job.attempt_number, job.session_name, reason,
        )  # fmt: skip
        try:
            self._api.report_declined(self._registration.launcher_id or "", job, reason, sentence)
        except CallFailed as error:
            # The claim comes with the next poll again, or expires.
            log.warning("declined not reported job_id=%s error=%s", job.job_id, error)
        return Dropped(sentence)
