"""Which questions there are."""

from collections.abc import Sequence
from dataclasses import replace

from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.question import Question, QuestionStatus
from agent_runtime.services.access.callers import Caller, Role
from agent_runtime.services.ports.questions import QuestionFilter
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.sessions import descendants

_PAGE = 500
_ALL = 1_000_000


def list_questions(tx: Transaction, caller: Caller, wanted: QuestionFilter) -> Sequence[Question]:
    """Read one page of questions, newest first; an agent is shown its own and those of the sessions below it."""
    if caller.role is not Role.SESSION or wanted.session_id is not None:
        return tx.questions.page(wanted)
    own = tx.sessions.get(caller.session_id) if caller.session_id is not None else None
    if own is None:
        return []
    inside = {own.id, *(one.id for one in descendants(tx, own))}
    return _inside(tx, replace(wanted, root_session_id=own.root_session_id), inside)


def count_open(tx: Transaction, caller: Caller) -> int:
    """Tell how many questions wait for an answer, of those that a caller may know of."""
    if caller.role is not Role.SESSION:
        return tx.questions.count_open()
    return len(list_questions(tx, caller, QuestionFilter(_ALL, status=QuestionStatus.OPEN)))


def _inside(tx: Transaction, wanted: QuestionFilter, inside: set[SessionId]) -> list[Question]:
    found: list[Question] = []
    page: Sequence[Question] = tx.questions.page(replace(wanted, limit=_PAGE))
    while page and len(found) < wanted.limit:
        found += [one for one in page if one.session_id in inside]
        page = tx.questions.page(replace(wanted, limit=_PAGE, before=page[-1].id))
    return found[: wanted.limit]
