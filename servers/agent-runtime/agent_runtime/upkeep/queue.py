"""What time alone does to jobs that wait: their moment comes, a claim runs out, or they waited too long."""

from datetime import timedelta

from agent_runtime.domain.job import JobStatus, Move
from agent_runtime.domain.reasons import Reason
from agent_runtime.services.claims import STOP_REPEATED_AFTER, release
from agent_runtime.services.moves import announce_ready, move_job
from agent_runtime.services.ports import Transaction

AT_ONCE_MAX = 100
"""How many jobs one transaction moves, so that no client waits long for it."""

KEYS_KEPT_FOR = timedelta(days=8)


def free_due_jobs(tx: Transaction) -> None:
    """Let jobs be claimed whose `not_before` has come."""
    for job in tx.jobs.due(tx.now, AT_ONCE_MAX):
        changed = tx.jobs.change(job.id, {"waits_on": None})
        if changed is not None:
            announce_ready(tx, changed)


def expire_claims(tx: Transaction) -> None:
    """Take claims back that nobody started: nothing ran, so another launcher may have the job."""
    for job in tx.jobs.claims_expired(tx.now, AT_ONCE_MAX):
        release(tx, job)


def expire_queued(tx: Transaction) -> None:
    """End jobs that asked not to wait longer than they have."""
    for job in tx.jobs.queued_too_long(tx.now, AT_ONCE_MAX):
        move_job(
            tx,
            job,
            Move.STOP_WAITING,
            JobStatus.STOPPED,
            {"reason": Reason.QUEUE_EXPIRED, "error": "no launcher took the job before its queue timeout was over"},
        )


def remind_of_stops(tx: Transaction) -> None:
    """Let launchers be told again of a stop that has not ended its job yet."""
    for job in tx.jobs.stops_announced(tx.now - STOP_REPEATED_AFTER, AT_ONCE_MAX):
        # Without the time it counts as never told, so the next poll hears it at once, whenever that comes.
        tx.jobs.change(job.id, {"stop_announced_at": None})
        if job.launcher_id is not None:
            tx.wake_launcher(job.launcher_id)
