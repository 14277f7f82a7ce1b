"""What becomes of a job that has been lost for long: it is run again if it allows that, or given up."""

from datetime import timedelta

from agent_runtime.domain.job import LOST_FOR_GOOD_AFTER, Job, JobStatus, Move
from agent_runtime.domain.reasons import Reason
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.ports.store import Transaction
from agent_runtime.upkeep.queue import AT_ONCE_MAX

LOSSES_COUNTED_FOR = timedelta(hours=72)
ALL_LOST_MAX = 10_000
LOSSES_MAX = 3
"""A job that is lost this often probably takes its launchers with it; it is never run again by itself."""


def decide_about_lost_jobs(tx: Transaction) -> int:
    """Decide about the jobs that nobody has proved alive for ten minutes, and tell how many that were."""
    decided = [_decide(tx, job) for job in tx.jobs.lost_before(tx.now - LOST_FOR_GOOD_AFTER, AT_ONCE_MAX)]
    return sum(job is not None for job in decided)


def _decide(tx: Transaction, job: Job) -> Job | None:
    if _may_run_again(tx, job):
        return move_job(tx, job, Move.RERUN, JobStatus.PENDING, {"not_before": None})
    error = f"its launcher '{job.launcher_id}' has not spoken of it since {job.lost_at:%Y-%m-%d %H:%M:%S} UTC"
    return move_job(tx, job, Move.GIVE_UP, JobStatus.FAILED, {"reason": Reason.LAUNCHER_LOST, "error": error})


def wait_anew_for_lost_jobs(tx: Transaction) -> None:
    """Give lost jobs their whole time again: while we were away, nobody could have told us that they live."""
    for job in tx.jobs.in_status(JobStatus.LOST, ALL_LOST_MAX):
        tx.jobs.change(job.id, {"lost_at": tx.now})


def _may_run_again(tx: Transaction, job: Job) -> bool:
    # A loss that healed was none: only those count after which it was run again.
    given_up = [past for past in tx.jobs.past_attempts(job.id) if past.status is JobStatus.LOST]
    if job.stop_requested_at is not None or len(given_up) >= job.rerun_lost:
        return False
    since = tx.now - LOSSES_COUNTED_FOR
    recent = [past for past in given_up if past.ended_at is not None and past.ended_at >= since]
    return len(recent) + 1 < LOSSES_MAX
