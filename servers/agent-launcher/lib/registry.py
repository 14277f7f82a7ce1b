"""The Running Jobs Registry: which jobs this launcher runs now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lib.errors import AttemptAlreadyHere
from lib.job_process import JobProcess


@dataclass(frozen=True, slots=True)
class RunningJob:
    """One running job: its process and when it was taken up."""

    process: JobProcess
    started_at: datetime


class RunningJobsRegistry:
    """A thread-safe record of running jobs by job id; it starts and stops nothing."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._lock = threading.Lock()
        self._running_jobs: dict[str, RunningJob] = {}
        self._now = now

    def __len__(self) -> int:
        return len(self._running_jobs)

    def add_job(self, job_id: str, process: JobProcess) -> None:
        """Take up a job.

        Errors:  AttemptAlreadyHere, if an attempt of this job is still here: two must never overlap.
        """
        with self._lock:
            if job_id in self._running_jobs:
                raise AttemptAlreadyHere(f"cannot take up job {job_id!r}: an attempt of it still runs here")
            self._running_jobs[job_id] = RunningJob(process, self._now())

    def remove_job(self, job_id: str) -> None:
        """Forget a job; unknown ones are fine."""
        with self._lock:
            self._running_jobs.pop(job_id, None)

    def job_ids(self) -> set[str]:
        """Name the running jobs."""
        with self._lock:
            return set(self._running_jobs)

    def get_running_jobs(self) -> dict[str, RunningJob]:
        """Copy the record, so that the reader may take its time."""
        with self._lock:
            return dict(self._running_jobs)

    def get_job(self, job_id: str) -> RunningJob | None:
        """Find one running job."""
        with self._lock:
            return self._running_jobs.get(job_id)
