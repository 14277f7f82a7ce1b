"""Why a session stands where it stands: its current job or the one that ended last, in words of whoever knows best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.domain.job import Job
from agent_runtime.domain.question import Question, in_words
from agent_runtime.domain.reasons import OpenReason, WaitReason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.ports.store import Transaction

_ENDED_BADLY = frozenset({SessionStatus.FAILED, SessionStatus.STOPPED})
_SENTENCE_CHARACTERS = 500


@dataclass(frozen=True)
class Cause:
    """The job that a session's status speaks of.

    Shape:   `reason` and `sentence` are those of a job that is not over or ended badly: the runtime's own while it is
             not over, else what its launcher or agent said. Of one that asks, the sentence is its oldest open question.
    """

    job: Job
    reason: str | None
    sentence: str | None


def find_causes(tx: Transaction, sessions: Sequence[Session]) -> Mapping[SessionId, Cause]:
    """Read the cause of each session that is at work, waits, failed or was stopped."""
    asked = _open_questions(tx, sessions)
    current = [session.current_job_id for session in sessions if session.current_job_id is not None]
    # A turn that gave way to wait for an answer is nobody's current one.
    current += [one.job_id for one in asked.values() if one.job_id not in current]
    ended = [session.id for session in sessions if session.current_job_id is None and session.status in _ENDED_BADLY]
    jobs = [*(tx.jobs.several(current) if current else ()), *(tx.jobs.last_ended(ended) if ended else ())]
    waits = explain_waiting(tx, jobs)
    return {job.session_id: _asks(job, asked.get(job.session_id)) or _cause(job, waits) for job in jobs}


def _open_questions(tx: Transaction, sessions: Sequence[Session]) -> Mapping[SessionId, Question]:
    """Read the oldest open question of each session that waits for an answer."""
    waiting = [session.id for session in sessions if session.status is SessionStatus.WAITING_INPUT]
    found = tx.questions.open_of_sessions(waiting) if waiting else ()
    return {one.session_id: one for one in reversed(found)}


def _asks(job: Job, question: Question | None) -> Cause | None:
    if question is None or _is_stopping(job):
        return None
    return Cause(job, WaitReason.NOT_ANSWERED, in_words(question)[:_SENTENCE_CHARACTERS])


def _is_stopping(job: Job) -> bool:
    return job.stop_requested_at is not None


def _cause(job: Job, waits: Mapping[JobId, Waiting]) -> Cause:
    waiting = waits.get(job.id)
    if waiting is None:
        return Cause(job, job.reason, job.error.strip()[:_SENTENCE_CHARACTERS] if job.error else None)
    is_well = waiting.reason is OpenReason.AT_WORK
    return Cause(job, None if is_well else waiting.reason, None if is_well else waiting.sentence)
