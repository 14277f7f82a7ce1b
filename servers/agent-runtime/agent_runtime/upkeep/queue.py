"""What time alone does to jobs that wait: their moment comes, a claim runs out, or they waited too long."""

from datetime import timedelta

from agent_runtime.domain.job import JobStatus, Move
from agent_runtime.domain.reasons import Reason
from agent_runtime.services.jobs.moves import announce_ready, move_job
from agent_runtime.services.launchers.claims import STOP_REPEATED_AFTER, release
from agent_runtime.services.ports.store import JobChanges, Transaction

AT_ONCE_MAX = 100
"""How many jobs one transaction moves, so that no client waits long for it."""

KEYS_KEPT_FOR = timedelta(days=8)


def free_due_jobs(tx: Transaction) -> int:
    """Let jobs be claimed whose `not_before` has come, and tell how many."""
    freed = [tx.jobs.change(job.id, {"waits_on": None}) for job in tx.jobs.due(tx.now, AT_ONCE_MAX)]
    ready = [announce_ready(tx, job) for job in freed if job is not None]
    return len(ready)


def expire_claims(tx: Transaction) -> int:
    """Take claims back that nobody started, and tell how many: nothing ran, so another launcher may have the job."""
    released = [release(tx, job) for job in tx.jobs.claims_expired(tx.now, AT_ONCE_MAX)]
    return sum(job is not None for job in released)


def expire_queued(tx: Transaction) -> int:
    """End jobs that asked not to wait longer than they have, and tell how many."""
    why: JobChanges = {
        "reason": Reason.QUEUE_EXPIRED,
        "error": "no launcher took the job before its queue timeout was over",
    }
    late = tx.jobs.queued_too_long(tx.now, AT_ONCE_MAX)
    ended = [move_job(tx, job, Move.STOP_WAITING, JobStatus.STOPPED, why) for job in late]
    return sum(job is not None for job in ended)


def remind_of_stops(tx: Transaction) -> int:
    """Let launchers be told again of a stop that has not ended its job yet, and tell how many jobs that are."""
    due = tx.jobs.stops_announced(tx.now - STOP_REPEATED_AFTER, AT_ONCE_MAX)
    for job in due:
        # Without the time it counts as never told, so the next poll hears it at once, whenever that comes.
        tx.jobs.change(job.id, {"stop_announced_at": None})
        if job.launcher_id is not None:
            tx.wake_launcher(job.launcher_id)
    return len(due)
