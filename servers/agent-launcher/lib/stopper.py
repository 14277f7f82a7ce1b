"""Do what the runtime says about attempts that are here: stop them, or let them go as no longer ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lib.attempt.attempt import Attempt, Phase
from lib.keepers import Keepers
from lib.registry import RunningJobsRegistry
from lib.wire.models import Dropped, RegistrationResponse

log = logging.getLogger("agent-launcher")

STOPPED_BY_USER = "stopped_by_user"
FENCED_OFF = "fenced_off"
ALREADY_ENDED = "already_ended"


class Stopper:
    """Turns the runtime's words into the keepers' stop ladder; what came of it is the supervisor's to hear."""

    def __init__(self, registry: RunningJobsRegistry, keepers: Keepers) -> None:
        self._registry = registry
        self._keepers = keepers

    def stop_jobs(self, job_ids: Iterable[str]) -> None:
        """Begin the stop ladder of these jobs; unknown and ended ones are fine, and so is asking twice."""
        for job_id in job_ids:
            held = self._registry.get_job(job_id)
            if held is not None:
                log.info("job stop asked job_id=%s", job_id)
                self._ask(held.process, STOPPED_BY_USER)

    def stop_all(self) -> int:
        """Begin the stop ladder of everything that runs here and say how many."""
        running = self._registry.get_running_jobs().values()
        for held in running:
            self._ask(held.process, STOPPED_BY_USER)
        return len(running)

    def apply(self, answer: RegistrationResponse) -> None:
        """Take over what a registration said about the attempts that we hold."""
        for adopted in answer.adopt:
            attempt = self._find(adopted.job_id, adopted.attempt)
            if attempt is not None and attempt.phase is Phase.RUNNING:
                with attempt.output.lock:
                    attempt.output.offset = adopted.log_offset
        self.drop(answer.drop)

    def drop(self, drops: Iterable[Dropped]) -> None:
        """End attempts that are fenced off, without a word to the runtime."""
        for dropped in drops:
            attempt = self._find(dropped.job_id, dropped.attempt)
            if attempt is None:
                continue
            if attempt.phase is Phase.ENDED and dropped.reason == ALREADY_ENDED:
                # Most often it knows that from our own report, whose answer was lost. The output is still to come.
                self._registry.mark_known(attempt)
                continue
            log.warning("job dropped job_id=%s attempt=%d reason=%s", dropped.job_id, dropped.attempt, dropped.reason)
            self._registry.mark_dropped(attempt, dropped.reason)
            if attempt.is_at_work:
                self._ask(attempt, FENCED_OFF)

    def _find(self, job_id: str, number: int) -> Attempt | None:
        all_of_it = (attempt for attempt in self._registry.attempts() if attempt.job.job_id == job_id)
        return next((attempt for attempt in all_of_it if attempt.job.attempt_number == number), None)

    def _ask(self, attempt: Attempt, reason: str) -> None:
        self._registry.mark_stop(attempt, reason)
        if attempt.phase is Phase.RUNNING:
            self._keepers.stop(attempt, reason)
