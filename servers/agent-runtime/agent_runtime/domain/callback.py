"""A callback: the news, for a parent session, that a child's turn is over.

    pending ──► delivered ──► consumed
       │  ▲         │
       ▼  └─────────┤  the parent failed or was stopped, and was then resumed
    expired ◄───────┘

`pending` from the order on: first the child works, then its group, then the parent is busy. `delivered` when the job
that resumes the parent with the news exists, `consumed` when that job has completed, or the parent read the result by
itself. `expired` says why nobody needs it any more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agent_runtime.domain.ids import CallbackId, JobId, SessionId
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.domain.wishes import DEFAULT_GROUP, CallbackPolicy

EXCERPT_CHARACTERS = 4_000
ERROR_CHARACTERS = 1_000


class CallbackState(StrEnum):
    """Where a piece of news stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    CONSUMED = "consumed"
    EXPIRED = "expired"


class StateReason(StrEnum):
    """Why a callback is in its state; those of `pending` are worked out when they are asked for."""

    CHILD_AT_WORK = "child_at_work"
    WAITS_FOR_GROUP = "waits_for_group"
    PARENT_BUSY = "parent_busy"
    PARENT_WAITS_FOR_INPUT = "parent_waits_for_input"
    PARENT_RESUMED = "parent_resumed"
    READ_BY_PARENT = "read_by_parent"
    GROUP_SATISFIED = "group_satisfied"
    PARENT_DELETED = "parent_deleted"
    PARENT_FAILED = "parent_failed"
    PARENT_STOPPED = "parent_stopped"
    BUDGET_EXCEEDED = "budget_exceeded"
    STOPPED_BY_PARENT = "stopped_by_parent"


REVIVABLE = frozenset({StateReason.PARENT_FAILED, StateReason.PARENT_STOPPED})
"""A parent that goes on after all wants the news that it missed."""


@dataclass(frozen=True, kw_only=True)
class Callback:
    """A row of the callbacks table, as it was read.

    Shape:   `outcome` and `rested_at` are set when the child's job `job_id` has come to rest; `round` counts how
             often it did, because a failed job may be retried. `result_excerpt` is the beginning of the result then.
    """

    id: CallbackId
    parent_session_id: SessionId
    parent_session_name: str
    child_session_id: SessionId
    child_session_name: str
    child_agent_name: str
    job_id: JobId
    round: int
    policy: CallbackPolicy
    group_name: str | None
    state: CallbackState = CallbackState.PENDING
    state_reason: StateReason | None = None
    outcome: SessionStatus | None = None
    reason: str | None = None
    error: str | None = None
    result_excerpt: str | None = None
    result_characters: int = 0
    delivery_job_id: JobId | None = None
    created_at: datetime
    rested_at: datetime | None = None
    delivered_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What the policies make of a parent's pending callbacks: what to tell now, and what never."""

    due: Sequence[Callback]
    satisfied: Sequence[Callback]


def decide(pending: Sequence[Callback]) -> Decision:
    """Work out which pending callbacks of one parent are due, and which their group has made needless."""
    due: list[Callback] = []
    satisfied: list[Callback] = []
    for group in _groups(pending):
        tellable, needless = _decide_group(group)
        due += tellable
        satisfied += needless
    return Decision(sorted(due, key=_when), satisfied)


def why_pending(callback: Callback, siblings: Sequence[Callback], parent: Session) -> StateReason:
    """Tell what a pending callback waits for; `siblings` are all pending ones of its parent."""
    if callback.rested_at is None:
        return StateReason.CHILD_AT_WORK
    if callback.id not in {due.id for due in decide(siblings).due}:
        return StateReason.WAITS_FOR_GROUP
    return (
        StateReason.PARENT_WAITS_FOR_INPUT if parent.status is SessionStatus.WAITING_INPUT else StateReason.PARENT_BUSY
    )


def _groups(pending: Iterable[Callback]) -> Iterable[list[Callback]]:
    found: dict[tuple[str, ...], list[Callback]] = {}
    for callback in pending:
        is_alone = callback.policy is CallbackPolicy.EACH
        key = (callback.id,) if is_alone else (callback.policy, callback.group_name or DEFAULT_GROUP)
        found.setdefault(key, []).append(callback)
    return found.values()


def _decide_group(group: list[Callback]) -> tuple[list[Callback], list[Callback]]:
    rested = sorted((callback for callback in group if callback.rested_at is not None), key=_when)
    policy = group[0].policy
    if policy is CallbackPolicy.FIRST:
        return rested[:1], [callback for callback in group if rested and callback.id != rested[0].id]
    has_failed = any(callback.outcome is not SessionStatus.FINISHED for callback in rested)
    is_complete = len(rested) == len(group)
    if is_complete or (policy is CallbackPolicy.ANY_FAILED and has_failed):
        return rested, []
    return [], []


def _when(callback: Callback) -> tuple[datetime, str]:
    return callback.rested_at or callback.created_at, callback.id
