"""Every attempt that is in this launcher's hands: running, or ended and not yet acknowledged."""

from __future__ import annotations

from lib.models import Job, Json, JsonObject
from lib.outbox import Outbox
from lib.registry import RunningJobsRegistry


class Holdings:
    """Reads the registry and the outbox as the one list that the runtime asks for."""

    def __init__(self, registry: RunningJobsRegistry, outbox: Outbox) -> None:
        self._registry = registry
        self._outbox = outbox

    def jobs(self) -> list[Job]:
        # The registry first: an attempt enters the outbox before it leaves the registry.
        running = [
            held.process.run.job for held in self._registry.get_running_jobs().values() if not held.process.is_dropped
        ]
        ended = [delivery.run.job for delivery in self._outbox.deliveries() if not delivery.is_reported]
        return list({(job.job_id, job.attempt): job for job in (*running, *ended)}.values())

    def to_json(self) -> list[Json]:
        return [_to_json(job) for job in self.jobs()]


def _to_json(job: Job) -> JsonObject:
    return {"job_id": job.job_id, "attempt": job.attempt, "token": job.token}
