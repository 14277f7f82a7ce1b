"""Every attempt that is in this launcher's hands: running, about to, or ended and not yet acknowledged."""

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
        """List them once each."""
        # One that ends enters the outbox before it leaves the registry, and one that begins after all goes the other
        # way: whoever looks at one, the other and the first again has seen it, whichever way it went meanwhile.
        running = self._running()
        ended = [delivery.run.job for delivery in self._outbox.deliveries() if not delivery.is_reported]
        return list({(job.job_id, job.attempt): job for job in (*running, *ended, *self._running())}.values())

    def at_work(self) -> set[str]:
        """Name the jobs that run, and those that will if it turns out that they may."""
        before = self._registry.job_ids()
        to_begin = {delivery.run.job.job_id for delivery in self._outbox.deliveries() if delivery.may_begin}
        return before | to_begin | self._registry.job_ids()

    def _running(self) -> list[Job]:
        running = self._registry.get_running_jobs()
        return [held.process.run.job for held in running.values() if not held.process.is_dropped]

    def to_json(self) -> list[Json]:
        return [_to_json(job) for job in self.jobs()]


def _to_json(job: Job) -> JsonObject:
    return {"job_id": job.job_id, "attempt": job.attempt, "token": job.token}
