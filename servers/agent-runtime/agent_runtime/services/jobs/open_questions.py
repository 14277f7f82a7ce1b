"""What a turn's questions have to do with its job: a session that asks waits, and a turn that is over asks nothing.

A session of which a question is open is `waiting_input`, or `lost` while nobody knows whether it still runs.
"""

from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.job import TERMINAL, Job, JobStatus
from agent_runtime.domain.json import Json
from agent_runtime.domain.question import Question, QuestionStatus
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.ports.questions import QuestionChanges
from agent_runtime.services.ports.store import Transaction


def settle(
    tx: Transaction, question: Question, status: QuestionStatus, answer: Json = None, answered_by: str | None = None
) -> Question | None:
    """Give an open question its end, and let its session go on if it was the last; nothing if somebody was first."""
    changes: QuestionChanges = {"status": status, "settled_at": tx.now, "answer": answer, "answered_by": answered_by}
    settled = tx.questions.change(question, changes)
    if settled is None:
        return None
    tell(tx, settled)
    session = tx.sessions.get(settled.session_id)
    if session is not None:
        show_waiting(tx, session, settled)
    return settled


def show_waiting(tx: Transaction, session: Session, question: Question) -> None:
    """Let a session that runs show whether it waits for an answer."""
    if session.status not in (SessionStatus.RUNNING, SessionStatus.WAITING_INPUT):
        return
    waits = bool(tx.questions.open_of_job(question.job_id))
    status = SessionStatus.WAITING_INPUT if waits else SessionStatus.RUNNING
    if status is not session.status:
        tx.sessions.change(session.id, {"status": status, "updated_at": tx.now})
    tx.relatives.stirred.append(session.id)


def tell(tx: Transaction, question: Question) -> None:
    """Write what became of a question into the events of its session."""
    session = tx.sessions.get(question.session_id)
    if session is None:
        return
    said = question.answer if isinstance(question.answer, dict) else {}
    facts: dict[str, Json] = {
        "question_id": question.id,
        "kind": question.kind,
        "tool": question.tool,
        "status": question.status,
        "answered_by": question.answered_by,
        "decision": said.get("decision"),
    }
    tx.emit(
        NewEvent.of_session(
            session, _happened_to(question), tx.now, facts, job_id=question.job_id, attempt=question.attempt
        )
    )


def _happened_to(question: Question) -> str:
    return "question.asked" if question.status is QuestionStatus.OPEN else f"question.{question.status}"


def follow_turn(tx: Transaction, job: Job) -> None:
    """Draw from a job's move what follows for its questions: withdrawn with its end, shown again when it was lost."""
    if job.status in TERMINAL:
        withdraw_questions(tx, job)
    elif job.status is JobStatus.RUNNING:
        still_open = tx.questions.open_of_job(job.id)
        session = tx.sessions.get(job.session_id)
        if still_open and session is not None:
            show_waiting(tx, session, still_open[-1])


def withdraw_questions(tx: Transaction, job: Job) -> None:
    """Take back what a turn asked and nobody has answered."""
    for question in tx.questions.open_of_job(job.id):
        settle(tx, question, QuestionStatus.WITHDRAWN)
