"""Why a session stands where it stands: its current job or the one that ended last, in words of whoever knows best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.ports.store import Transaction

_ENDED_BADLY = frozenset({SessionStatus.FAILED, SessionStatus.STOPPED})
_SENTENCE_CHARACTERS = 500


@dataclass(frozen=True)
class Cause:
    """The job that a session's status speaks of.

    Shape:   `reason` and `sentence` are those of a job that is not over or ended badly: the runtime's own while it is
             not over, else what its launcher or agent said.
    """

    job: Job
    reason: str | None
    sentence: str | None


def find_causes(tx: Transaction, sessions: Sequence[Session]) -> Mapping[SessionId, Cause]:
    """Read the cause of each session that is at work, waits, failed or was stopped."""
    current = [session.current_job_id for session in sessions if session.current_job_id is not None]
    ended = [session.id for session in sessions if session.current_job_id is None and session.status in _ENDED_BADLY]
    jobs = [*(tx.jobs.several(current) if current else ()), *(tx.jobs.last_ended(ended) if ended else ())]
    waits = explain_waiting(tx, (job for job in jobs if job.status is not JobStatus.RUNNING or _is_stopping(job)))
    return {job.session_id: _cause(job, waits) for job in jobs}


def _is_stopping(job: Job) -> bool:
    return job.stop_requested_at is not None


def _cause(job: Job, waits: Mapping[JobId, Waiting]) -> Cause:
    waiting = waits.get(job.id)
    if waiting is not None:
        return Cause(job, waiting.reason, waiting.sentence)
    is_at_work = job.status is JobStatus.RUNNING
    sentence = job.error.strip()[:_SENTENCE_CHARACTERS] if job.error and not is_at_work else None
    return Cause(job, None if is_at_work else job.reason, sentence)
