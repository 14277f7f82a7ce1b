"""What follows when an attempt has failed: another one after a pause, one when a limit ends, or none."""

from dataclasses import dataclass
from datetime import datetime

from agent_runtime.domain.job import Job, JobStatus, Move
from agent_runtime.domain.quota_hold import Limit, end_of
from agent_runtime.domain.reasons import FailureClass, Reason, failure_class
from agent_runtime.domain.retries import Retries, counted_from, pause, used
from agent_runtime.services.jobs.moves import move_job, way_home
from agent_runtime.services.jobs.quota_holds import hold_account
from agent_runtime.services.ports.queries import PastAttempt
from agent_runtime.services.ports.store import JobChanges, Transaction


@dataclass(frozen=True)
class _Tried:
    failed_as: FailureClass | None
    run_seconds: float | None
    started_at: datetime

    @classmethod
    def of(cls, one: PastAttempt, started_at: datetime) -> "_Tried":
        reason = one.reason if one.status is JobStatus.FAILED else None
        return cls(failure_class(Reason(reason)) if reason is not None else None, one.run_seconds, started_at)


def next_try(tx: Transaction, job: Job, reason: Reason, limit: Limit, error: str | None) -> JobChanges | None:
    """Decide what follows the failure of a job that still runs; None if nothing does.

    An account whose limit is used up is held here, whatever becomes of the job itself.
    """
    kind = failure_class(reason)
    hold = hold_account(tx, job, reason, limit, error) if kind is FailureClass.QUOTA else None
    if kind is FailureClass.USER or job.stop_requested_at is not None or _is_of_a_command(tx, job):
        return None
    retries = Retries(job.retries, job.max_attempts)
    tried = [*_tried_before(tx, job), _Tried(kind, job.run_seconds, job.started_at or tx.now)]
    count, allowed = used(tried, kind), retries.allowed(kind)
    is_too_late = allowed is not None and tx.now >= retries.end(counted_from(tried))
    if is_too_late or (allowed is not None and count > allowed):
        return None
    share = int.from_bytes(tx.random_bytes(2), "big") / 0xFFFF
    if kind is not FailureClass.QUOTA:
        return {"not_before": tx.now + pause(count, share)}
    # It was the limit's fault and not the job's: its place at the front stays its own.
    again: JobChanges = {"not_before": None, "place": job.place}
    # Whose limit it is nobody knows where an agent runs any program: then the job alone waits.
    return again if hold is not None else {**again, "not_before": end_of(limit, reason, count, tx.now, share)}


def _tried_before(tx: Transaction, job: Job) -> list[_Tried]:
    """Read the attempts before this one that ran since a person last asked for the job."""
    ran = [_Tried.of(one, one.started_at) for one in tx.jobs.past_attempts(job.id) if one.started_at is not None]
    return ran[max(len(ran) - (job.tries - 1), 0) :]


def put_back(tx: Transaction, job: Job, changes: JobChanges) -> Job:
    """Let a job that has just failed wait for its next try, where its conversation is."""
    moved = move_job(tx, job, Move.TRY_AGAIN, JobStatus.PENDING, changes | way_home(tx, job))
    assert moved is not None, f"job '{job.id}' was moved by another inside a transaction"
    return moved


def _is_of_a_command(tx: Transaction, job: Job) -> bool:
    """A person looks at the command in the foreground that ran it, and it is about to leave."""
    launcher = tx.launchers.get(job.required_launcher_id) if job.required_launcher_id is not None else None
    return launcher is not None and launcher.only_own_jobs
