"""A turn that gave way: it asked, its process ended so that others had its place, and its job waits for the answer.

The job stays what it was: nothing of its order is lost, and its parent is told of one end. Its next attempt goes on
with the session, and the words that it is given are the answers.
"""

import json
from collections.abc import Sequence

from agent_runtime.domain.job import Job, JobStatus, Move, WaitsOn
from agent_runtime.domain.question import Question, QuestionKind, QuestionStatus, in_words
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import SessionStatus
from agent_runtime.services.jobs.moves import announce_ready, move_job, way_home
from agent_runtime.services.ports.queries import PastAttempt
from agent_runtime.services.ports.store import JobChanges, Transaction

_INTRODUCTION = (
    "You asked something, and your process was ended until the answer came, so that others could have its place."
    " What you were about to do was not done. Here is what was said:"
)
_ALLOWED = (
    "Go on where you were. For each call that was allowed, make exactly that call again: it is let through this once"
    " without a further question."
)
_NOBODY = "nobody answered in time"


def put_aside(tx: Transaction, job: Job) -> Job:
    """Let a job whose attempt has just given way wait for the answers to its questions; for none, if all are there."""
    is_open = bool(tx.questions.open_of_job(job.id))
    waits_on = WaitsOn.ANSWER if is_open else None
    changes: JobChanges = {"waits_on": waits_on, **way_home(tx, job)}
    moved = move_job(tx, job, Move.TRY_AGAIN, JobStatus.PENDING, changes)
    assert moved is not None, f"job '{job.id}' was moved by another inside a transaction"
    if is_open:
        tx.sessions.change(job.session_id, {"status": SessionStatus.WAITING_INPUT, "updated_at": tx.now})
    return moved


def go_on_when_answered(tx: Transaction, question: Question) -> None:
    """Let a job that waits for answers be claimed again, once the last of them is there."""
    job = tx.jobs.get(question.job_id)
    if job is None or job.waits_on is not WaitsOn.ANSWER or tx.questions.open_of_job(job.id):
        return
    changed = tx.jobs.change(job.id, {"waits_on": None, "queued_at": tx.now})
    assert changed is not None, f"job '{job.id}' vanished inside a transaction"
    tx.sessions.change(job.session_id, {"status": SessionStatus.PENDING, "updated_at": tx.now})
    announce_ready(tx, changed)


def has_given_way(job: Job) -> bool:
    """Tell whether the attempt before the one that is claimed gave way."""
    return job.reason == Reason.GAVE_WAY


def answers_for(tx: Transaction, job: Job, past: Sequence[PastAttempt]) -> list[str]:
    """Give the words with which a job that once gave way goes on: the answers that no turn has taken.

    Shape:   Nothing, or a text. The attempt that was told of them may have died before its agent read a word.
    """
    if not any(one.reason == Reason.GAVE_WAY for one in past):
        return []
    told = [one for one in tx.questions.of_job(job.id) if one.taken_at is None and one.status in _SAID]
    return ["\n\n".join([_INTRODUCTION, *(_as_said(one) for one in told), _ALLOWED])] if told else []


_SAID = (QuestionStatus.ANSWERED, QuestionStatus.EXPIRED)


def _as_said(question: Question) -> str:
    said = question.answer if isinstance(question.answer, dict) else {}
    if question.kind is QuestionKind.PERMISSION:
        shown = f"{said.get('decision')}\n{said.get('message') or ''}".strip()
    else:
        shown = json.dumps(said["answer"], ensure_ascii=False) if "answer" in said else _NOBODY
    return f"To {question.id}, {in_words(question)}\nAnswer: {shown}"
