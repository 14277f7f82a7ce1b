"""The jobs that a person means who names a session or a job."""

from runtime_client.client import RuntimeClient
from runtime_client.errors import UsageError
from runtime_client.models import Job

JOBS_MAX = 1000


def newest_job(client: RuntimeClient, name: str) -> str:
    """Return the id of a job, or of the newest one of a session.

    Errors:  UsageError, if the session has none.
    """
    if name.startswith("job_"):
        return name
    session = client.session(name)
    for job in client.jobs_of_session(session.session_id):
        return job.job_id
    raise UsageError(f"session {name!r} has no job any more: expected one that failed or was stopped")


def waiting_jobs(client: RuntimeClient, name: str) -> list[str]:
    """Return the id of a job, or of all of a session that wait.

    Errors:  UsageError, if none of the session waits.
    """
    if name.startswith("job_"):
        return [name]
    session = client.session(name)
    jobs: list[Job] = client.queue(JOBS_MAX, session.session_id).items
    if not jobs:
        raise UsageError(f"nothing waits in session {name!r}: expected a job that no launcher has, found none")
    return [job.job_id for job in jobs]


def waiting_job(client: RuntimeClient, name: str) -> str:
    """Return the id of a job, or of the one of a session that waits.

    Errors:  UsageError, if none of the session waits, or several do.
    """
    jobs = waiting_jobs(client, name)
    if len(jobs) > 1:
        raise UsageError(
            f"{len(jobs)} messages wait in session {name!r}: expected the id of one of them, newest first:"
            f" {', '.join(jobs)}"
        )
    return jobs[0]
