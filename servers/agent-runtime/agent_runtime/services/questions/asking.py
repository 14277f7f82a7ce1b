"""How an agent asks: its blueprint may have said already what it asks about, and what is asked is asked once.

A question belongs to the job whose turn asked it. A turn that follows in the same job, because the one before was lost
or gave way, and asks the same, takes up what was asked: open, or answered and never taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from agent_runtime.domain.errors import Conflict, Invalid
from agent_runtime.domain.form import check_form
from agent_runtime.domain.ids import JobId, QuestionId, new_id
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.json import Json
from agent_runtime.domain.permission_rules import Call
from agent_runtime.domain.permissions import Permissions, Verdict, strictest
from agent_runtime.domain.question import (
    AtExpiry,
    Question,
    QuestionKind,
    QuestionStatus,
    QuestionTerms,
    fingerprint_of,
)
from agent_runtime.domain.session import Session
from agent_runtime.services.access.callers import Caller
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.jobs.elders import says_of
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.open_questions import show_waiting, tell
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.sessions import find_own_session

OPEN_MAX = 100
_AT_WORK = frozenset({JobStatus.RUNNING, JobStatus.LOST})


@dataclass(frozen=True)
class Asking:
    """What an agent asks, as it comes in.

    Shape:   `call_id` is the asker's own word for it: the same one again, in the same attempt, is the same question.
    """

    kind: QuestionKind
    call_id: str
    text: str | None = None
    tool: str | None = None
    input: Json = None
    diff: str | None = None
    choices: Json = None
    other_words: bool = False
    form: Json = None

    @property
    def fingerprint(self) -> str:
        """What is the same for all that asks the same."""
        return fingerprint_of(self.kind, self.tool, self.input, self.text, self.choices, self.form)


@dataclass(frozen=True)
class Asked:
    """What became of it: a question, or a verdict where the blueprints have said already what holds."""

    question: Question | None
    verdict: Verdict | None
    is_new: bool
    terms: QuestionTerms


def ask(tx: Transaction, caller: Caller, session_name: str | None, asking: Asking, find_agent: FindAgent) -> Asked:
    """Ask in the name of the turn that a session runs; again with the same `call_id` is harmless.

    Errors:  NotFound; Invalid; Conflict `turn_over`, `stop_requested`, `call_id_reused` or `too_many_questions`.
    """
    _check(asking)
    session, job = _turn_of(tx, caller, session_name)
    terms = _terms(find_agent, session).but(job.questions)
    known = tx.questions.of_job(job.id)
    # Clients number their calls anew in each of their lives.
    asking = replace(asking, call_id=f"{job.attempt}:{asking.call_id}")
    same = next((one for one in known if one.call_id == asking.call_id), None)
    if same is not None:
        return Asked(_again(same, asking), None, is_new=False, terms=terms)
    taken_up = _take_up(tx, job, known, asking)
    if taken_up is not None:
        return Asked(taken_up, None, is_new=False, terms=terms)
    if asking.kind is QuestionKind.PERMISSION:
        verdict = verdict_for(tx, session, Call(asking.tool or "", asking.input, session.project_dir), find_agent)
        if verdict in (Verdict.ALLOW, Verdict.DENY):
            return Asked(None, verdict, is_new=False, terms=terms)
    return Asked(_open(tx, session, job, asking, terms, known), None, is_new=True, terms=terms)


def verdict_for(tx: Transaction, session: Session, call: Call, find_agent: FindAgent) -> Verdict | None:
    """Tell what a session's blueprint and those of all above it say about a call; None if none says a word."""
    return strictest(says_of(tx, session, find_agent), call)


def permissions_of(tx: Transaction, session: Session, find_agent: FindAgent) -> list[Permissions | None]:
    """Read what is said of permissions to a session: by its blueprint, and by those of the sessions above it."""
    return [one.permissions for one in says_of(tx, session, find_agent)]


def _terms(find_agent: FindAgent, session: Session) -> QuestionTerms:
    agent = find_agent(session.agent_name)
    return agent.terms if agent is not None else QuestionTerms()


def _check(asking: Asking) -> None:
    missing = {
        QuestionKind.PERMISSION: ("tool", asking.tool),
        QuestionKind.CHOICE: ("choices", asking.choices),
        QuestionKind.TEXT: ("text", asking.text),
        QuestionKind.FORM: ("form", asking.form),
    }
    name, value = missing[asking.kind]
    if not value:
        raise Invalid("invalid_parameters", f"invalid {name}: a question of the kind '{asking.kind}' needs one")
    if asking.kind is QuestionKind.FORM:
        try:
            check_form(asking.form)
        except ValueError as error:
            raise Invalid("invalid_parameters", f"invalid form: {error}") from error


def _turn_of(tx: Transaction, caller: Caller, session_name: str | None) -> tuple[Session, Job]:
    """Find the turn that asks: the caller's own, or for a person's command the one that a session runs."""
    if caller.session_id is None and session_name is None:
        raise Invalid("invalid_parameters", "invalid session_name: who is no session must name the one that asks")
    session = find_own_session(tx, caller, session_name or str(caller.session_id))
    if caller.session_id is not None and session.id != caller.session_id:
        raise Invalid("invalid_parameters", f"invalid session_name: session '{caller.name}' asks in its own name only")
    job_id = caller.job_id or session.current_job_id
    job = get_job(tx, JobId(job_id)) if job_id is not None else None
    if job is None or job.status not in _AT_WORK:
        raise Conflict("turn_over", f"session '{session.name}' runs no turn that could ask (resume it first)")
    if job.stop_requested_at is not None:
        raise Conflict("stop_requested", f"session '{session.name}' is being stopped and can ask nothing")
    return session, job


def _again(same: Question, asking: Asking) -> Question:
    if same.fingerprint != asking.fingerprint:
        raise Conflict(
            "call_id_reused",
            f"the call_id '{asking.call_id.partition(':')[2][:60]}' belongs to another question of this turn, "
            f"'{same.id}' (use a new one)",
        )
    return same


def _take_up(tx: Transaction, job: Job, known: Sequence[Question], asking: Asking) -> Question | None:
    """Let a turn have what an earlier one of its job asked and did not hear the answer of."""
    for earlier in known:
        if earlier.fingerprint != asking.fingerprint or earlier.attempt >= job.attempt or earlier.taken_at is not None:
            continue
        if earlier.status is QuestionStatus.WITHDRAWN or _ended_its_turn(earlier):
            continue
        return tx.questions.change(earlier, {"attempt": job.attempt, "call_id": asking.call_id})
    return None


def _ended_its_turn(question: Question) -> bool:
    """Whether a turn ended because nobody answered; who runs its job once more wants to be asked once more."""
    return question.status is QuestionStatus.EXPIRED and question.at_expiry is AtExpiry.STOP


def _open(
    tx: Transaction, session: Session, job: Job, asking: Asking, terms: QuestionTerms, known: Sequence[Question]
) -> Question:
    if sum(one.status is QuestionStatus.OPEN for one in known) >= OPEN_MAX:
        raise Conflict(
            "too_many_questions",
            f"session '{session.name}' has {OPEN_MAX} open questions (it can ask more when some are answered)",
        )
    question = Question(
        id=QuestionId(new_id("qst_", tx.now, tx.random_bytes)),
        session_id=session.id,
        session_name=session.name,
        root_session_id=session.root_session_id,
        job_id=job.id,
        attempt=job.attempt,
        call_id=asking.call_id,
        fingerprint=asking.fingerprint,
        kind=asking.kind,
        text=asking.text,
        tool=asking.tool,
        input=asking.input,
        diff=asking.diff,
        choices=asking.choices,
        other_words=asking.other_words,
        form=asking.form,
        parents_part=terms.parent,
        at_expiry=terms.at_expiry,
        asked_at=tx.now,
        expires_at=tx.now + timedelta(seconds=terms.expire_seconds),
    )
    tx.questions.insert(question)
    tell(tx, question)
    show_waiting(tx, session, question)
    tx.due_at(question.expires_at)
    return question
