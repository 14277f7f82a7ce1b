"""Do what the runtime says about attempts that are here: stop them, or let them go as no longer ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lib.models import Dropped, RegistrationResponse
from lib.outbox import Outbox
from lib.registry import RunningJob, RunningJobsRegistry

log = logging.getLogger("agent-launcher")

STOPPED_BY_USER = "stopped_by_user"
FENCED_OFF = "fenced_off"
ALREADY_ENDED = "already_ended"


class Stopper:
    """Turns the runtime's words into the shims' stop ladder; whether they obeyed is the supervisor's to see."""

    def __init__(self, registry: RunningJobsRegistry, outbox: Outbox) -> None:
        self._registry = registry
        self._outbox = outbox

    def stop_jobs(self, job_ids: Iterable[str]) -> None:
        """Begin the stop ladder of these jobs; unknown and ended ones are fine, and so is asking twice."""
        for job_id in job_ids:
            held = self._registry.get_job(job_id)
            if held is not None:
                log.info("job stop asked job_id=%s", job_id)
                self._ask(held, STOPPED_BY_USER)
            else:
                self._stop_waiting(job_id)

    def stop_all(self) -> int:
        """Begin the stop ladder of everything that runs here and say how many."""
        running = self._registry.get_running_jobs().values()
        for held in running:
            self._ask(held, STOPPED_BY_USER)
        return len(running)

    def apply(self, answer: RegistrationResponse) -> None:
        """Take over what a registration said about the attempts that we hold."""
        for adopted in answer.adopt:
            held = self._registry.get_job(adopted.job_id)
            if held is not None and held.process.run.job.attempt_number == adopted.attempt:
                with held.process.log.lock:
                    held.process.log.offset = adopted.log_offset
        self.drop(answer.drop)

    def drop(self, drops: Iterable[Dropped]) -> None:
        """End attempts that are fenced off, without a word to the runtime."""
        for dropped in drops:
            held = self._registry.get_job(dropped.job_id)
            if held is not None and held.process.run.job.attempt_number == dropped.attempt:
                log.warning(
                    "job dropped job_id=%s attempt=%d reason=%s", dropped.job_id, dropped.attempt, dropped.reason
                )
                held.process.is_dropped = True
                self._ask(held, FENCED_OFF)
            self._drop_ended(dropped)

    def _stop_waiting(self, job_id: str) -> None:
        """Let an attempt that waits for a process hear of its stop; to one that has ended it means nothing."""
        for delivery in self._outbox.deliveries():
            if delivery.run.job.job_id == job_id:
                delivery.is_stop_asked = True
                self._outbox.hurry(delivery)

    def _drop_ended(self, dropped: Dropped) -> None:
        for delivery in self._outbox.deliveries():
            if (delivery.run.job.job_id, delivery.run.job.attempt_number) != (dropped.job_id, dropped.attempt):
                continue
            if dropped.reason == ALREADY_ENDED:
                # Most often it knows that from our own report, whose answer was lost. The output is still to come.
                delivery.is_reported = True
            else:
                delivery.drop_reason = dropped.reason

    def _ask(self, held: RunningJob, reason: str) -> None:
        process = held.process
        try:
            process.ask_to_stop(reason, process.run.job.stop_grace_seconds)
        except OSError as error:
            log.error("job cannot be stopped job_id=%s error=%s", process.run.job.job_id, error)  # noqa: TRY400  (no trace needed)
