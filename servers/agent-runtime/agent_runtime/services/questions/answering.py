"""How a question is answered: by whoever may, once; and how its agent takes the answer, once."""

from agent_runtime.domain.errors import Conflict, Invalid, Refused
from agent_runtime.domain.form import check_filled_in
from agent_runtime.domain.ids import QuestionId
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.permission_rules import Call
from agent_runtime.domain.permissions import Verdict
from agent_runtime.domain.question import AtExpiry, Decision, ParentsPart, Question, QuestionKind, QuestionStatus
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.unknown import no_question, shown
from agent_runtime.services.access.callers import Caller, Role, is_own_session
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.jobs.giving_way import go_on_when_answered
from agent_runtime.services.jobs.open_questions import settle
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.questions.asking import verdict_for

_AT_ONCE_MAX = 100


def get_question(tx: Transaction, caller: Caller, question_id: QuestionId) -> Question:
    """Read a question that a caller may know of.

    Errors:  NotFound.
    """
    question = tx.questions.get(question_id)
    session = tx.sessions.get(question.session_id) if question is not None else None
    if question is None or session is None or not is_own_session(tx, caller, session):
        raise no_question(question_id)
    return question


def answer_question(
    tx: Transaction, caller: Caller, question_id: QuestionId, given: JsonObject, find_agent: FindAgent
) -> Question:
    """Answer a question; the first answer holds, and the same one again is harmless.

    Errors:  NotFound; Refused `own_question`, `left_to_people` or `beyond_own_permissions`; Invalid;
             Conflict `already_answered`, `question_expired` or `question_withdrawn`.
    """
    question = get_question(tx, caller, question_id)
    _refuse_who_may_not(tx, caller, question, given, find_agent)
    answer = _checked(question, given)
    if question.status is QuestionStatus.OPEN and question.expires_at > tx.now:
        answered = settle(tx, question, QuestionStatus.ANSWERED, answer, _name_of(caller))
        if answered is None:
            return answer_question(tx, caller, question_id, given, find_agent)
        go_on_when_answered(tx, answered)
        return answered
    if question.status is QuestionStatus.ANSWERED and question.answer == answer:
        return question
    raise _too_late(question)


def take_answer(tx: Transaction, caller: Caller, question_id: QuestionId) -> Question:
    """Let the turn that asked have the answer, and no turn after it; again from the same turn is harmless.

    Errors:  NotFound; Conflict `not_answered` or `not_current`.
    """
    question = get_question(tx, caller, question_id)
    asker = (caller.job_id, caller.attempt)
    if caller.role is Role.SESSION and asker != (question.job_id, question.attempt):
        raise Conflict("not_current", f"question '{question.id}' was asked by another turn (ask again)")
    if question.status in (QuestionStatus.OPEN, QuestionStatus.WITHDRAWN):
        raise Conflict("not_answered", f"question '{question.id}' has no answer: it is '{question.status}'")
    if question.taken_at is not None:
        return question
    taken = tx.questions.change(question, {"taken_at": tx.now})
    return taken if taken is not None else take_answer(tx, caller, question_id)


def expire_questions(tx: Transaction) -> int:
    """End the questions that nobody has answered in time as their terms say, and tell how many."""
    overdue = tx.questions.overdue(tx.now, _AT_ONCE_MAX)
    for question in overdue:
        decision = Decision.ALLOW if question.at_expiry is AtExpiry.ALLOW else Decision.DENY
        told: Json = {"decision": decision.value} if question.kind is QuestionKind.PERMISSION else None
        if settle(tx, question, QuestionStatus.EXPIRED, told) is None:
            continue  # Somebody has answered it meanwhile.
        if question.at_expiry is AtExpiry.STOP:
            stop_job(tx, question.job_id, Reason.QUESTION_EXPIRED)
        go_on_when_answered(tx, question)
    return len(overdue)


def _refuse_who_may_not(
    tx: Transaction, caller: Caller, question: Question, given: JsonObject, find_agent: FindAgent
) -> None:
    """Let an agent answer only below itself, where it is allowed to, and allow only what it may do itself."""
    if caller.role is not Role.SESSION:
        return
    if question.session_id == caller.session_id:
        raise Refused("own_question", f"session '{caller.name}' may not answer a question of its own")
    if question.parents_part is not ParentsPart.MAY_ANSWER:
        raise Refused(
            "left_to_people",
            f"session '{caller.name}' may not answer question '{question.id}': the blueprint of session "
            f"'{question.session_name}' leaves that to people (its 'questions' say 'parent': 'may_answer' otherwise)",
        )
    if given.get("decision") != Decision.ALLOW or caller.session_id is None:
        return
    answering, asking = tx.sessions.get(caller.session_id), tx.sessions.get(question.session_id)
    folder = asking.project_dir if asking is not None else None
    call = Call(question.tool or "", question.input, folder)
    if answering is not None and verdict_for(tx, answering, call, find_agent) in (Verdict.ASK, Verdict.DENY):
        raise Refused(
            "beyond_own_permissions",
            f"session '{caller.name}' may not allow what it may not do itself: '{shown(question.tool or '')}' "
            "(a person has to answer, or deny it)",
        )


def _checked(question: Question, given: JsonObject) -> JsonObject:
    """Bring an answer into its one shape.

    Errors:  Invalid.
    """
    if question.kind is QuestionKind.PERMISSION:
        if given.get("decision") not in tuple(Decision) or "answer" in given:
            raise _invalid("decision", f"'allow' or 'deny' is expected for question '{question.id}'")
        return {name: given[name] for name in ("decision", "message") if given.get(name) is not None}
    answer = given.get("answer")
    if given.get("decision") is not None or given.get("message") is not None or answer is None:
        raise _invalid(
            "answer", f"question '{question.id}' is of the kind '{question.kind}' and takes an 'answer' alone"
        )
    if question.kind is QuestionKind.CHOICE:
        _check_choice(question, answer)
    elif question.kind is QuestionKind.TEXT and not (isinstance(answer, str) and answer.strip()):
        raise _invalid("answer", f"some words are expected for question '{question.id}'")
    elif question.kind is QuestionKind.FORM:
        try:
            check_filled_in(question.form, answer)
        except ValueError as error:
            raise _invalid("answer", str(error)) from error
    return {"answer": answer}


def _check_choice(question: Question, answer: Json) -> None:
    choices = question.choices if isinstance(question.choices, list) else []
    labels = [one.get("label") for one in choices if isinstance(one, dict)]
    if question.other_words and isinstance(answer, str) and answer.strip():
        return
    if answer not in labels:
        known = ", ".join(f"'{label}'" for label in labels)
        raise _invalid("answer", f"one of {known} is expected, found {_found(answer)}")


def _found(answer: Json) -> str:
    return f"'{shown(answer)}'" if isinstance(answer, str) else "no text"


def _too_late(question: Question) -> Conflict:
    facts = {"status": question.status.value, "answered_by": question.answered_by or ""}
    if question.status is QuestionStatus.ANSWERED:
        sentence = f"question '{question.id}' was answered already, and otherwise, by {question.answered_by}"
        return Conflict("already_answered", sentence, facts)
    if question.status is QuestionStatus.WITHDRAWN:
        return Conflict("question_withdrawn", f"question '{question.id}' was withdrawn: its turn is over", facts)
    return Conflict("question_expired", f"question '{question.id}' was not answered in time: this is too late", facts)


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid("invalid_parameters", f"invalid {name}: {sentence}")


def _name_of(caller: Caller) -> str:
    return f"session {caller.name}" if caller.role is Role.SESSION else caller.name
