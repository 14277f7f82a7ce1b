"""How the news of children reaches their parent: exactly once in effect, whoever crashes in between.

Everything here happens in the transaction that causes it: the end of a child, the news about it and the job that
wakes the parent are one write. There is no moment at which a crash could lose or double one of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.domain.callback import (
    ERROR_CHARACTERS,
    EXCERPT_CHARACTERS,
    REVIVABLE,
    Callback,
    CallbackState,
    StateReason,
    decide,
)
from agent_runtime.domain.envelope import write_news
from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.domain.job import Job, JobStatus, JobType, Order
from agent_runtime.domain.question import ParentsPart, Question, in_words
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.retries import RETRIES_OF_NEWS
from agent_runtime.domain.session import STATUS_BY_JOB, Session, SessionStatus
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.agreements import emit_callback_event, make_callback
from agent_runtime.services.jobs.elders import ancestors
from agent_runtime.services.jobs.giving_way import has_given_way
from agent_runtime.services.jobs.orders import RUNNING_LIMIT, create_job
from agent_runtime.services.ports.families import CallbackChanges, CallbackFilter
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Transaction

_EXPIRY_BY_STATUS: Mapping[SessionStatus, StateReason] = {
    SessionStatus.FAILED: StateReason.PARENT_FAILED,
    SessionStatus.STOPPED: StateReason.PARENT_STOPPED,
}
_NO_NEWS: Mapping[str, StateReason] = {
    Reason.STOPPED_BY_PARENT: StateReason.STOPPED_BY_PARENT,
    Reason.BUDGET_EXCEEDED: StateReason.BUDGET_EXCEEDED,
}
"""Ends that a parent has brought about itself, or must not be woken for."""
_MAY_ANSWER = "You may answer it: answer_question, or ao-answer in a shell. Allow only what you may do yourself."
_FOR_PEOPLE = "A person has to answer it."
_ASKED_CHARACTERS = 600
"""Of one question: several go into one message, each with who may answer it."""
_ASLEEP = frozenset({SessionStatus.FINISHED, SessionStatus.WAITING})


def note_rest(tx: Transaction, job: Job, child: Session, outcome: SessionStatus | None = None) -> None:
    """Write into the callback of a job how its child came to rest; a new one if that one was told already.

    Shape:   `outcome` is that of the job, unless the child rests in another way.
    """
    callback = tx.relatives.callbacks.newest_of_job(job.id)
    if callback is None:
        return
    told_at = None
    if callback.rested_at is not None and callback.state is not CallbackState.PENDING:
        again = _next_round(tx, job, child, callback)
        if again is None:
            return
        told_at, callback = callback.rested_at, again
    rest = _rest(tx, job, child, outcome or STATUS_BY_JOB[job.status], told_at)
    changed = tx.relatives.callbacks.change(callback, rest)
    if changed is None:
        return
    emit_callback_event(tx, changed, "callback.ready")
    needless = _NO_NEWS.get(changed.reason or "")
    if changed.state is CallbackState.PENDING and needless is not None:
        _settle(tx, changed, CallbackState.EXPIRED, needless)
    tx.relatives.stirred.append(changed.parent_session_id)


def note_work(tx: Transaction, job: Job, child: Session) -> None:
    """Take back news that nobody was told, or promise new news: the child is at work again."""
    callback = tx.relatives.callbacks.newest_of_job(job.id)
    if callback is None or callback.rested_at is None:
        return
    if callback.state is not CallbackState.PENDING:
        _next_round(tx, job, child, callback)
        return
    nothing: CallbackChanges = {"outcome": None, "rested_at": None, "reason": None, "error": None}
    tx.relatives.callbacks.change(callback, {**nothing, "result_excerpt": None, "result_characters": 0})


def end_delivery(tx: Transaction, job: Job, callbacks: Sequence[Callback]) -> None:
    """Let the news share the fate of the job that carried it to the parent."""
    for callback in callbacks:
        if callback.delivery_job_id != job.id:
            continue
        if job.status is JobStatus.COMPLETED:
            _settle(tx, callback, CallbackState.CONSUMED, None)
        elif callback.state is CallbackState.DELIVERED:
            reason = StateReason.PARENT_FAILED if job.status is JobStatus.FAILED else StateReason.PARENT_STOPPED
            _settle(tx, callback, CallbackState.EXPIRED, reason)


def deliver(tx: Transaction, parent: Session) -> Job | None:
    """Wake an idle parent with everything that is due, in one message; nothing if nothing is due, or it is not idle.

    A message that still waits to be read takes up what has become due since. A parent that failed or was stopped is
    not woken: its news expires, until it goes on after all.
    """
    is_idle = parent.current_job_id is None
    if not _pending(tx, parent.id) or not (is_idle or _unread_message(tx, parent)):
        return None
    tx.relatives.families.lock(parent.id)
    pending = _pending(tx, parent.id)
    if parent.status in _EXPIRY_BY_STATUS:
        _expire(tx, pending, _EXPIRY_BY_STATUS[parent.status])
    if is_idle and parent.status not in _ASLEEP:
        return None
    decision = decide(pending)
    _expire(tx, decision.satisfied, StateReason.GROUP_SATISFIED)
    if decision.due and _is_overspent(tx, parent):
        _expire(tx, decision.due, StateReason.BUDGET_EXCEEDED)
    elif decision.due:
        needless = {callback.id for callback in decision.satisfied}
        at_work = [one.child_session_name for one in pending if one.rested_at is None and one.id not in needless]
        if is_idle:
            return _tell_parent(tx, parent, decision.due, at_work)
        _tell_more(tx, parent, decision.due, at_work)
    return None


def expire_all(tx: Transaction, parent_id: SessionId, reason: StateReason) -> None:
    """Give up what a parent has not been told."""
    _expire(
        tx, [one for one in tx.relatives.callbacks.unsettled_of_parent(parent_id) if one.settled_at is None], reason
    )


def revive(tx: Transaction, callbacks: Sequence[Callback]) -> None:
    """Take up again what expired with a failed turn, now that the parent has completed one."""
    for callback in callbacks:
        if callback.state is CallbackState.EXPIRED and callback.state_reason in REVIVABLE:
            changes: CallbackChanges = {"delivery_job_id": None, "delivered_at": None, "settled_at": None}
            _change(
                tx, callback, {**changes, "state": CallbackState.PENDING, "state_reason": StateReason.PARENT_RESUMED}
            )


def mark_read(tx: Transaction, parent_id: SessionId, child_id: SessionId) -> int:
    """Note that a parent has read its child's result by itself, and need not be told; tell how much news that was."""
    read = unread_news(tx, parent_id, child_id)
    for callback in read:
        _settle(tx, callback, CallbackState.CONSUMED, StateReason.READ_BY_PARENT)
    if read:
        tx.relatives.stirred.append(parent_id)
    return len(read)


def unread_news(tx: Transaction, parent_id: SessionId, child_id: SessionId) -> Sequence[Callback]:
    """Read the news of one child that its parent has not been told; for a look before a write."""
    return [one for one in _pending(tx, parent_id) if one.child_session_id == child_id and one.rested_at is not None]


def list_callbacks(tx: Transaction, wanted: CallbackFilter) -> Sequence[Callback]:
    """Read one page of callbacks, newest first."""
    return tx.relatives.callbacks.page(wanted)


def open_questions(tx: Transaction, session: Session) -> Sequence[Question]:
    """Read what a session's turn has asked and nobody has answered yet."""
    return tx.questions.open_of_job(session.current_job_id) if session.current_job_id is not None else ()


def _as_told(question: Question) -> str:
    """Say what a child asks, and who may answer."""
    who = _MAY_ANSWER if question.parents_part is ParentsPart.MAY_ANSWER else _FOR_PEOPLE
    return f"{question.id} asks: {in_words(question, _ASKED_CHARACTERS)}\n{who}"


def _pending(tx: Transaction, parent_id: SessionId) -> list[Callback]:
    unsettled = tx.relatives.callbacks.unsettled_of_parent(parent_id)
    return [callback for callback in unsettled if callback.state is CallbackState.PENDING]


def _next_round(tx: Transaction, job: Job, child: Session, before: Callback) -> Callback | None:
    parent = tx.sessions.get(before.parent_session_id)
    if parent is None:
        return None
    return make_callback(tx, job, child, parent, before.policy, before.group_name, before.round + 1)


def _is_overspent(tx: Transaction, parent: Session) -> bool:
    families = (tx.relatives.families.get(one.id) for one in (parent, *ancestors(tx, parent)))
    return any(family is not None and family.exceeded is not None for family in families)


def _tell_parent(tx: Transaction, parent: Session, due: Sequence[Callback], at_work: Sequence[str]) -> Job:
    """Order the turn that reads the news, on the same terms as the last turn that the parent completed."""
    # One that was stopped before it began may have asked for what no launcher of the session's host has.
    turns = JobFilter(limit=1, session_id=parent.id)
    last = (tx.jobs.page(replace(turns, status=JobStatus.COMPLETED)) or tx.jobs.page(turns))[0]
    lane = tx.queue.lane_by_id(last.lane_id)
    at_once_max = lane.agent_limit
    limits = {RUNNING_LIMIT: at_once_max} if at_once_max is not None else {}
    needs = AgentNeeds(
        parent.agent_name, active=True, labels=last.labels, limits=limits, client=lane.client, quota=lane.quota
    )
    order = Order(
        type=JobType.RESUME_SESSION,
        session_name=parent.name,
        prompt=write_news(parent.name, due, at_work, tx.now),
        priority=last.priority,
        timeout_seconds=last.timeout_seconds,
        stop_grace_seconds=last.stop_grace_seconds,
        retries={**RETRIES_OF_NEWS, **last.retries},
        checks=tx.jobs.checks(last.id) if last.has_checks else {},
        questions=last.questions,
        is_news=True,
    )
    job = create_job(tx, order, lambda _name: needs).job
    _hand_over(tx, due, job.id)
    return job


def _unread_message(tx: Transaction, parent: Session) -> JobId | None:
    """Name the job that is to tell a parent of its children and that no agent has read yet."""
    job = tx.jobs.get(parent.current_job_id) if parent.current_job_id is not None else None
    if job is None or job.status is not JobStatus.PENDING or not tx.relatives.callbacks.is_delivery(job.id):
        return None
    # What gave way was read, and goes on with answers alone.
    return None if has_given_way(job) else job.id


def _tell_more(tx: Transaction, parent: Session, due: Sequence[Callback], at_work: Sequence[str]) -> None:
    """Write the message that waits anew, with what it told already and with this; one that is taken stays as it is."""
    message = parent.current_job_id
    assert message is not None, f"session '{parent.id}' has a message that waits"
    delivered = [one for one in tx.relatives.callbacks.unsettled_of_parent(parent.id) if one.delivery_job_id == message]
    if tx.jobs.edit_prompt(message, write_news(parent.name, [*delivered, *due], at_work, tx.now)) is not None:
        _hand_over(tx, due, message)


def _hand_over(tx: Transaction, due: Sequence[Callback], message: JobId) -> None:
    for callback in due:
        changes: CallbackChanges = {"delivery_job_id": message, "delivered_at": tx.now, "state_reason": None}
        _change(tx, callback, {**changes, "state": CallbackState.DELIVERED})


def _rest(
    tx: Transaction, job: Job, child: Session, outcome: SessionStatus, told_at: datetime | None
) -> CallbackChanges:
    """Say how a child rests; of what it asks, only what was asked since its parent was told of the rest."""
    has_result = outcome in (SessionStatus.FINISHED, SessionStatus.WAITING_INPUT)
    result = _result(child) if has_result else ""
    if outcome is SessionStatus.WAITING_INPUT and (asked := open_questions(tx, child)):
        result = "\n".join(_as_told(one) for one in asked if told_at is None or one.asked_at > told_at)
    return {
        "outcome": outcome,
        "rested_at": job.ended_at or tx.now,
        "reason": None if has_result else job.reason,
        "error": None if has_result else (job.error or "")[-ERROR_CHARACTERS:],
        "result_excerpt": result[:EXCERPT_CHARACTERS],
        "result_characters": len(result),
    }


def _result(child: Session) -> str:
    """Say what a child answered; of a result that was asked for in a shape, the shape without words around it."""
    return (child.result or "") if child.output is None else json.dumps(child.output, ensure_ascii=False)


def _expire(tx: Transaction, callbacks: Sequence[Callback], reason: StateReason) -> None:
    for callback in callbacks:
        _settle(tx, callback, CallbackState.EXPIRED, reason)


def _settle(tx: Transaction, callback: Callback, state: CallbackState, reason: StateReason | None) -> None:
    _change(tx, callback, {"state": state, "state_reason": reason, "settled_at": tx.now})


def _change(tx: Transaction, callback: Callback, changes: CallbackChanges) -> None:
    changed = tx.relatives.callbacks.change(callback, changes)
    # Zero rows changed: somebody else has decided about it, and has told so.
    if changed is not None:
        emit_callback_event(tx, changed, f"callback.{changed.state}")
