"""The jobs that there are, as they are read."""

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job
from agent_runtime.domain.unknown import no_job
from agent_runtime.services.ports.queries import JobFilter, PastAttempt
from agent_runtime.services.ports.store import Transaction


def get_job(tx: Transaction, job_id: JobId) -> Job:
    """Read one job.

    Errors:  NotFound.
    """
    job = tx.jobs.get(job_id)
    if job is None:
        raise no_job(job_id)
    return job


def list_jobs(tx: Transaction, wanted: JobFilter) -> list[Job]:
    """Read one page of jobs, newest first."""
    return list(tx.jobs.page(wanted))


def list_attempts(tx: Transaction, job_id: JobId) -> list[PastAttempt]:
    """Read all attempts of a job, oldest first; the last one is the current one."""
    job = get_job(tx, job_id)
    past = list(tx.jobs.past_attempts(job_id))
    if job.attempt == 0 or (past and past[-1].attempt == job.attempt):
        return past
    return [*past, PastAttempt.of(job, job.ended_at)]
