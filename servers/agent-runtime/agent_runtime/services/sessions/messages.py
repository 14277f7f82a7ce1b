"""What was said to a session and by whom: accepted, delivered to its agent, consumed by it; changed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.session import Session
from agent_runtime.services.jobs.giving_way import has_given_way
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.moves import emit_job_event
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Transaction


class MessageState(StrEnum):
    """Three different things, and two ways in which a message does not get that far."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    CONSUMED = "consumed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


_BY_STATUS: Mapping[JobStatus, MessageState] = {
    JobStatus.PENDING: MessageState.ACCEPTED,
    JobStatus.CLAIMED: MessageState.ACCEPTED,
    JobStatus.RUNNING: MessageState.DELIVERED,
    JobStatus.LOST: MessageState.DELIVERED,
    JobStatus.COMPLETED: MessageState.CONSUMED,
    JobStatus.FAILED: MessageState.FAILED,
}


@dataclass(frozen=True)
class Message:
    """A prompt on its way to a session; `is_news` if the runtime wrote it, about the session's children."""

    job: Job
    state: MessageState
    is_news: bool

    @property
    def is_editable(self) -> bool:
        """Whether it can still be changed: nobody has it yet, and it is somebody's own words."""
        return self.job.status is JobStatus.PENDING and not self.is_news and not has_given_way(self.job)


def list_messages(tx: Transaction, session: Session, limit: int, before: JobId | None) -> Sequence[Message]:
    """Read one page of what was said to a session, newest first."""
    jobs = tx.jobs.page(JobFilter(limit=limit, before=before, session_id=session.id))
    return [_message(tx, job) for job in jobs]


def edit_message(tx: Transaction, job_id: JobId, prompt: str) -> Job:
    """Change the words of a message that still waits.

    Errors:  NotFound; Conflict `already_claimed` or `not_editable`.
    """
    job = get_job(tx, job_id)
    if _is_news(tx, job):
        raise Conflict(
            "not_editable",
            f"cannot change job '{job_id}': it carries the runtime's own news of children (withdraw it instead)",
        )
    if job.status is JobStatus.PENDING and has_given_way(job):
        raise Conflict(
            "already_claimed",
            f"cannot change job '{job_id}': its agent has read it and waits for an answer (say more with a resume)",
        )
    changed = tx.jobs.edit_prompt(job_id, prompt)
    if changed is None:
        raise Conflict("already_claimed", f"cannot change job '{job_id}': it must be pending, found '{job.status}'")
    session = tx.sessions.get(job.session_id)
    assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
    emit_job_event(tx, session, changed, "job.edited", {"status": changed.status})
    return changed


def withdraw_message(tx: Transaction, job_id: JobId) -> Job:
    """Take back a message that still waits.

    Errors:  NotFound; Conflict `already_claimed`.
    """
    job = get_job(tx, job_id)
    if job.status is not JobStatus.PENDING:
        raise Conflict(
            "already_claimed",
            f"cannot take back job '{job_id}': it must be pending, found '{job.status}' (POST /jobs/{job_id}/stop)",
        )
    return stop_job(tx, job_id).job


def _message(tx: Transaction, job: Job) -> Message:
    state = _BY_STATUS.get(job.status)
    if state is None:
        state = MessageState.WITHDRAWN if job.started_at is None else MessageState.FAILED
    return Message(job, state, _is_news(tx, job))


def _is_news(tx: Transaction, job: Job) -> bool:
    return tx.relatives.callbacks.is_delivery(job.id)
