"""What is agreed when work is ordered for somebody: who is told of its end, and what it may cost.

Called while a job is created, so that an order and what was promised with it are one write.
"""

from agent_runtime.domain.callback import Callback, CallbackState
from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.family import Family
from agent_runtime.domain.ids import CallbackId, new_id
from agent_runtime.domain.job import Job, Order
from agent_runtime.domain.limits import Limits, read_limits, tightest
from agent_runtime.domain.session import Session
from agent_runtime.domain.wishes import DEFAULT_GROUP, CallbackPolicy, WaitFor
from agent_runtime.services.ports.store import Transaction


def promise(tx: Transaction, order: Order, job: Job, session: Session, parent: Session | None, agent: Limits) -> None:
    """Write what was agreed with an order that was accepted.

    Shape:   `agent` are the limits of the session's blueprint.
    Errors:  Invalid for a callback without anybody to call, or for a group with two policies.
    """
    _note_family(tx, order, session, agent)
    if not order.callback:
        return
    if parent is None:
        raise Invalid(
            "callback_without_parent",
            f"cannot call back for session '{session.name}': no session is named as the parent "
            "(order it from inside a session, name parent_session_name, or leave callback out)",
        )
    group = order.callback_group
    if order.callback_policy is not CallbackPolicy.EACH:
        group = group or DEFAULT_GROUP
        _refuse_mixed_group(tx, parent, order.callback_policy, group)
    make_callback(tx, job, session, parent, order.callback_policy, group)


def make_callback(
    tx: Transaction,
    job: Job,
    child: Session,
    parent: Session,
    policy: CallbackPolicy,
    group: str | None,
    round_number: int = 1,
) -> Callback:
    """Write a callback that waits for its child."""
    callback = Callback(
        id=CallbackId(new_id("cb_", tx.now, tx.random_bytes)),
        parent_session_id=parent.id,
        parent_session_name=parent.name,
        child_session_id=child.id,
        child_session_name=child.name,
        child_agent_name=child.agent_name,
        job_id=job.id,
        round=round_number,
        policy=policy,
        group_name=group,
        created_at=tx.now,
    )
    tx.relatives.callbacks.insert(callback)
    emit_callback_event(tx, callback, "callback.created")
    return callback


def emit_callback_event(tx: Transaction, callback: Callback, name: str) -> None:
    """Write what happened to a callback into the events of its parent."""
    parent = tx.sessions.get(callback.parent_session_id)
    tx.emit(
        NewEvent(
            type=name,
            at=tx.now,
            data={
                "callback_id": callback.id,
                "state": callback.state,
                "reason": callback.state_reason,
                "child_session_name": callback.child_session_name,
                "outcome": callback.outcome,
                "policy": callback.policy,
                "group": callback.group_name,
                "delivery_job_id": callback.delivery_job_id,
            },
            session_id=callback.parent_session_id,
            session_name=callback.parent_session_name,
            root_session_id=parent.root_session_id if parent is not None else None,
            job_id=callback.job_id,
        )
    )


def _refuse_mixed_group(tx: Transaction, parent: Session, policy: CallbackPolicy, group: str) -> None:
    for other in tx.relatives.callbacks.unsettled_of_parent(parent.id):
        is_mate = other.state is CallbackState.PENDING and other.group_name == group
        if is_mate and other.policy not in (policy, CallbackPolicy.EACH):
            raise Invalid(
                "mixed_callback_group",
                f"callback group '{group}' of session '{parent.name}' has policy '{other.policy}', found '{policy}' "
                "(use one policy per group, or name another group)",
            )


def _note_family(tx: Transaction, order: Order, session: Session, agent: Limits) -> None:
    before = tx.relatives.families.get(session.id)
    asked = read_limits(order.limits, "limits")
    if before is None and asked.is_empty and agent.is_empty and order.wait_for is WaitFor.NOTHING:
        return
    known = read_limits(before.limits, "limits") if before is not None else agent
    wait_for = order.wait_for
    if before is not None and wait_for is WaitFor.NOTHING:
        wait_for = before.wait_for
    tx.relatives.families.put(
        Family(
            session_id=session.id,
            wait_for=wait_for,
            # A later order can tighten what an earlier one allowed, and never loosen it.
            limits=tightest([known, asked]).as_json(),
            exceeded=before.exceeded if before is not None else None,
            exceeded_at=before.exceeded_at if before is not None else None,
        )
    )
