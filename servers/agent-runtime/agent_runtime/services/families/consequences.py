"""What follows, for parents and children, from what a transaction has done to jobs and sessions.

The verbs note what they moved (`tx.relatives.moved`) and what else stirred (`tx.relatives.stirred`); at the end of each
transaction, and inside of it, the consequences are drawn here. So no verb can forget them, and a job that failed and
is tried again in the same transaction has never been at rest.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent_runtime.domain.callback import CallbackState, StateReason
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.family import AT_WORK
from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.domain.job import TERMINAL, Job, JobStatus
from agent_runtime.domain.json import Json
from agent_runtime.domain.question import ParentsPart
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.domain.wishes import WaitFor
from agent_runtime.services.families.callbacks import (
    deliver,
    end_delivery,
    expire_all,
    note_rest,
    note_work,
    open_questions,
    revive,
)
from agent_runtime.services.jobs.budgets import note_overrun, overrun_of, take_overrun_back
from agent_runtime.services.jobs.elders import ancestors
from agent_runtime.services.ports.families import Moved
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.sessions import stop_session

T = TypeVar("T")
HearCommit = Callable[[float, Sequence[Moved]], None]
"""Is told after each commit how many seconds it took, waiting included, and which moves of jobs are now on disk."""

NAMES_SHOWN = 50
_AWAITED = frozenset({CallbackState.PENDING, CallbackState.DELIVERED})


class FamilyStore:
    """A store whose every write also draws the consequences for parents and children."""

    def __init__(self, store: Store, hear: HearCommit = lambda _seconds, _moved: None) -> None:
        self._store = store
        self._hear = hear

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb and what follows from it, and commit both together."""
        began = time.monotonic()
        moved: list[Moved] = []

        def run(tx: Transaction) -> T:
            moved.clear()  # A database may have it run again.
            return with_consequences(tx, verb, moved.extend)

        answer = await self._store.write(run)
        self._hear(time.monotonic() - began, moved)
        return answer

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb that changes nothing."""
        return await self._store.read(verb)


def with_consequences(
    tx: Transaction, verb: Callable[[Transaction], T], note: Callable[[Sequence[Moved]], None] = lambda _moved: None
) -> T:
    """Run a verb, then draw the consequences until nothing more follows; `note` is told of all that was moved."""
    answer = verb(tx)
    relatives = tx.relatives
    while relatives.moved or relatives.stirred:
        moved, stirred = list(relatives.moved), list(relatives.stirred)
        relatives.moved.clear()
        relatives.stirred.clear()
        note(moved)
        _follow_moves(tx, moved)
        for session_id in dict.fromkeys(stirred):
            look_at_session(tx, session_id)
    return answer


def look_at_session(tx: Transaction, session_id: SessionId) -> None:
    """Bring a session's part in its family up to date: wake it, tell its parent, finish it. Again is harmless."""
    session = tx.sessions.get(session_id)
    if session is None:
        _forget(tx, session_id)
        return
    if session.status is SessionStatus.RUNNING:
        _note_answered(tx, session)
    elif session.status is SessionStatus.WAITING_INPUT:
        _note_asked_more(tx, session)
    if deliver(tx, session) is None:
        _tell_parents(tx, session)
        if session.status not in AT_WORK and session.parent_session_id is not None:
            _finish_waiting_parent(tx, session.parent_session_id)
    for elder in (session, *ancestors(tx, session)):
        check_budget(tx, elder)


def check_budget(tx: Transaction, session: Session) -> None:
    """Stop a session and its tree if one of its budgets is used up; once is enough.

    What was counted while nobody could say that an attempt had ended may turn out as not run: then it is taken back.
    """
    family = tx.relatives.families.get(session.id)
    if family is None or not family.limits:
        return
    overrun = overrun_of(tx, session)
    if family.exceeded is not None:
        if overrun is None:
            take_overrun_back(tx, session)
    elif overrun is not None:
        note_overrun(tx, session, overrun)
        stop_session(tx, session, Reason.BUDGET_EXCEEDED, tree=True)


def _follow_moves(tx: Transaction, moved: list[Moved]) -> None:
    """Look at where each job was at first and is at last; what it was in between, nobody has seen."""
    first: dict[JobId, Job] = {}
    last: dict[JobId, Job] = {}
    for one in moved:
        first.setdefault(one.before.id, one.before)
        last[one.after.id] = one.after
    for job_id, after in last.items():
        before = first[job_id]
        if after.status in TERMINAL or before.status in TERMINAL:
            _follow_job(tx, before, after)


def _follow_job(tx: Transaction, before: Job, after: Job) -> None:
    if not after.callback and tx.relatives.families.is_alone(after.session_id):
        return
    session = tx.sessions.get(after.session_id)
    if session is None:
        return
    if after.status not in TERMINAL:
        if after.callback:
            note_work(tx, after, session)
        return
    unsettled = tx.relatives.callbacks.unsettled_of_parent(session.id)
    end_delivery(tx, after, unsettled)
    if after.status is JobStatus.COMPLETED:
        revive(tx, [one for one in unsettled if one.delivery_job_id != after.id])
    if session.current_job_id is None:
        _note_children_at_work(tx, session, after)
    if after.callback:
        _note_end(tx, before, after, session)
    tx.relatives.stirred.append(session.id)


def _note_end(tx: Transaction, before: Job, after: Job, session: Session) -> None:
    newest = tx.relatives.callbacks.newest_of_job(after.id)
    if newest is not None and newest.outcome is SessionStatus.WAITING_INPUT:
        note_work(tx, after, session)  # It asked, was answered, and has now really ended.
    # The end of a completed job waits for what its session awaits itself; that of any other, and a truth that
    # arrived late, does not.
    if after.status is not JobStatus.COMPLETED or before.status in TERMINAL:
        note_rest(tx, after, session)


def _note_children_at_work(tx: Transaction, session: Session, ended: Job) -> None:
    """Say that a turn is over while children work on, and wait for them if that was asked for."""
    names = list(tx.relatives.families.names_at_work(session.id, NAMES_SHOWN))
    if not names:
        return
    family = tx.relatives.families.get(session.id)
    waits = ended.status is JobStatus.COMPLETED and family is not None and family.wait_for is WaitFor.CHILDREN
    if waits:
        tx.sessions.change(session.id, {"status": SessionStatus.WAITING, "updated_at": tx.now})
    facts: dict[str, Json] = {"children": [*names], "waits": waits}
    tx.emit(NewEvent.of_session(session, "session.children_running", tx.now, facts, job_id=ended.id))


def _tell_parents(tx: Transaction, session: Session) -> None:
    """Note for those who wait for this session that it is at rest, if it is."""
    for callback in tx.relatives.callbacks.unrested_of_child(session.id):
        job = tx.jobs.get(callback.job_id)
        if job is None:
            continue
        if session.status is SessionStatus.WAITING_INPUT:
            asked = open_questions(tx, session)
            if not asked or any(one.parents_part is not ParentsPart.NOTHING for one in asked):
                note_rest(tx, job, session, SessionStatus.WAITING_INPUT)
        elif job.status in TERMINAL and _awaits_nothing(tx, session):
            note_rest(tx, job, session, _outcome_of_turn(tx, session, job))


def _note_answered(tx: Transaction, session: Session) -> None:
    """Promise news of a turn that asked, was answered and goes on: its parent may have been told that it waits."""
    job = tx.jobs.get(session.current_job_id) if session.current_job_id is not None else None
    newest = tx.relatives.callbacks.newest_of_job(job.id) if job is not None and job.callback else None
    if job is not None and newest is not None and newest.outcome is SessionStatus.WAITING_INPUT:
        note_work(tx, job, session)


def _note_asked_more(tx: Transaction, session: Session) -> None:
    """Have a parent that was told of a question told of those, too, that were asked beside it since."""
    job = tx.jobs.get(session.current_job_id) if session.current_job_id is not None else None
    newest = tx.relatives.callbacks.newest_of_job(job.id) if job is not None and job.callback else None
    if job is None or newest is None or newest.rested_at is None or newest.outcome is not SessionStatus.WAITING_INPUT:
        return
    asked = (one for one in open_questions(tx, session) if one.parents_part is not ParentsPart.NOTHING)
    if any(one.asked_at > newest.rested_at for one in asked):
        note_rest(tx, job, session, SessionStatus.WAITING_INPUT)


def _awaits_nothing(tx: Transaction, session: Session) -> bool:
    """Whether a session will not be woken by children of its own, and does not wait for them."""
    if session.status is SessionStatus.WAITING:
        return False
    return not any(one.state in _AWAITED for one in tx.relatives.callbacks.unsettled_of_parent(session.id))


def _outcome_of_turn(tx: Transaction, session: Session, job: Job) -> SessionStatus | None:
    """A turn that was continued by news of its own children ends as its last part did."""
    if session.current_job_id is not None or job.status is not JobStatus.COMPLETED:
        return None
    last = tx.jobs.page(JobFilter(limit=1, session_id=session.id))[0]
    return session.status if last.id != job.id and last.status in TERMINAL else None


def _finish_waiting_parent(tx: Transaction, parent_id: SessionId) -> None:
    parent = tx.sessions.get(parent_id)
    if (
        parent is None
        or parent.status is not SessionStatus.WAITING
        or tx.relatives.families.names_at_work(parent_id, 1)
    ):
        return
    tx.sessions.change(parent_id, {"status": SessionStatus.FINISHED, "updated_at": tx.now})
    facts: dict[str, Json] = {"status": SessionStatus.FINISHED, "reason": "children_at_rest"}
    tx.emit(NewEvent.of_session(parent, "session.updated", tx.now, facts))
    tx.relatives.stirred.append(parent_id)


def _forget(tx: Transaction, session_id: SessionId) -> None:
    """Draw the consequences of a deletion: nobody can be told any more, and what it was awaited for never comes."""
    expire_all(tx, session_id, StateReason.PARENT_DELETED)
    for callback in tx.relatives.callbacks.unrested_of_child(session_id):
        error = "the session was deleted before its work was over"
        tx.relatives.callbacks.change(
            callback, {"outcome": SessionStatus.STOPPED, "rested_at": tx.now, "reason": None, "error": error}
        )
        tx.relatives.stirred.append(callback.parent_session_id)
    tx.relatives.callbacks.forget_orphans(session_id)
