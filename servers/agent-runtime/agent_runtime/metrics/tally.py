"""What this runtime has done since it began, counted as it is committed.

Each runtime of a database counts what it committed itself, so the sum over all of them is the whole.
"""

from collections.abc import Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from agent_runtime.domain.job import TERMINAL, Job, JobStatus
from agent_runtime.services.ports.families import Moved

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)


class Tally:
    """Counts moves of jobs, commits, tokens and money.

    Units:   seconds; US dollars.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"agent_runtime_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"agent_runtime_{name}_seconds", text, buckets=buckets, registry=registry)

        self._starts = counter("job_starts", "Attempts that began.", "agent")
        self._ends = counter("job_ends", "Jobs that ended, with why where there is a reason.", "status", "reason")
        self._requeued = counter("job_requeues", "Jobs that went back to the queue.", "reason")
        self._lost = counter("job_losses", "Jobs that nobody proved alive any more.")
        self._tokens = counter("agent_tokens", "Tokens that agents used, counted when a job ends.", "agent", "kind")
        self._cost = counter("agent_cost_usd", "US dollars that agents cost, counted when a job ends.", "agent")
        self._waited = histogram("job_wait", "From being queued to the beginning of the attempt.", _LONG)
        self._claimed = histogram("claim", "From being handed to a launcher to the beginning of the attempt.", _QUICK)
        self._ran = histogram("job_run", "How long ended jobs had run.", _LONG)
        self._committed = histogram("commit", "From the order to change something until it is on disk.", _QUICK)

    def commit(self, seconds: float, moved: Sequence[Moved]) -> None:
        """Count one commit and what it did to jobs."""
        self._committed.observe(seconds)
        for one in moved:
            self._move(one.before, one.after)

    def _move(self, before: Job, after: Job) -> None:
        if after.status is JobStatus.RUNNING and before.status is JobStatus.CLAIMED:
            self._start(after)
        elif after.status is JobStatus.LOST:
            self._lost.inc()
        elif after.status is JobStatus.PENDING:
            self._requeued.labels(before.reason or after.reason or "").inc()
        elif after.status in TERMINAL:
            self._end(after)

    def _start(self, job: Job) -> None:
        self._starts.labels(job.agent_name).inc()
        if job.started_at is not None:
            self._waited.observe(_seconds(job.queued_at, job.started_at))
            self._claimed.observe(_seconds(job.claimed_at or job.started_at, job.started_at))

    def _end(self, job: Job) -> None:
        self._ends.labels(job.status, job.reason or "").inc()
        if job.run_seconds is not None:
            self._ran.observe(job.run_seconds)
        usage = job.usage
        for kind, count in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            if count:
                self._tokens.labels(job.agent_name, kind).inc(count)
        if usage.cost_usd:
            self._cost.labels(job.agent_name).inc(usage.cost_usd)


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())
