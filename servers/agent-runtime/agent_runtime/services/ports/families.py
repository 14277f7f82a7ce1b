"""What a transaction offers for parents and children: their rows, and what has happened to them so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict

from agent_runtime.domain.callback import Callback, CallbackState, StateReason
from agent_runtime.domain.family import Family
from agent_runtime.domain.ids import CallbackId, JobId, SessionId
from agent_runtime.domain.job import Job
from agent_runtime.domain.session import Session, SessionStatus


class CallbackChanges(TypedDict, total=False):
    """The columns of a callback that may change."""

    state: CallbackState
    state_reason: StateReason | None
    outcome: SessionStatus | None
    reason: str | None
    error: str | None
    result_excerpt: str | None
    result_characters: int
    delivery_job_id: JobId | None
    rested_at: datetime | None
    delivered_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True)
class CallbackFilter:
    """Which callbacks a list is about; `before` is the id behind which the page starts, newest first."""

    limit: int
    before: CallbackId | None = None
    parent_session_id: SessionId | None = None
    child_session_id: SessionId | None = None
    state: CallbackState | None = None


@dataclass(frozen=True)
class Moved:
    """A job before and after one move of this transaction."""

    before: Job
    after: Job


class CallbackRows(Protocol):
    """The callbacks."""

    def insert(self, callback: Callback) -> None:
        """Write a new callback."""

    def get(self, callback_id: CallbackId) -> Callback | None:
        """Read one callback."""

    def unsettled_of_parent(self, session_id: SessionId) -> Sequence[Callback]:
        """Read a parent's callbacks that are pending, delivered, or expired for a cause that may pass; oldest first."""

    def unrested_of_child(self, session_id: SessionId) -> Sequence[Callback]:
        """Read the callbacks of a child of which it is not yet known how its turn ended."""

    def newest_of_job(self, job_id: JobId) -> Callback | None:
        """Read the callback of a job's latest coming to rest."""

    def is_delivery(self, job_id: JobId) -> bool:
        """Tell whether a job carries, or has carried, news to a parent."""

    def change(self, callback: Callback, changes: CallbackChanges) -> Callback | None:
        """Change one callback if it is still in the state in which it was read; nothing if it is not."""

    def parents_with_news(self, limit: int) -> Sequence[SessionId]:
        """Read parents that have rested news which nobody has delivered."""

    def children_overdue(self, limit: int) -> Sequence[SessionId]:
        """Read children whose job is over although a callback still waits for it."""

    def page(self, wanted: CallbackFilter) -> Sequence[Callback]:
        """Read one page of a list, newest first."""

    def forget_orphans(self, session_id: SessionId) -> None:
        """Remove the callbacks of a deleted session whose other side is deleted too."""


class FamilyRows(Protocol):
    """What is kept of sessions as parents."""

    def get(self, session_id: SessionId) -> Family | None:
        """Read what a session wishes as a parent; most wish nothing."""

    def put(self, family: Family) -> None:
        """Write what a session wishes, over what it wished before."""

    def with_limits_at_work(self, limit: int) -> Sequence[SessionId]:
        """Read sessions with limits that are not exceeded, in whose trees somebody may be at work."""

    def is_alone(self, session_id: SessionId) -> bool:
        """Tell whether a session has no parent, no children, no callbacks and no wishes: most have none of these."""

    def lock(self, session_id: SessionId) -> None:
        """Keep other transactions from deciding about this session until this one is over."""

    def children(self, session_id: SessionId, limit: int) -> Sequence[Session]:
        """Read a session's children, oldest first."""

    def names_at_work(self, session_id: SessionId, limit: int) -> Sequence[str]:
        """Read the names of a session's children that are at work."""

    def count_children(self, session_id: SessionId) -> int:
        """Tell how many children a session has."""

    def count_tree(self, root_session_id: SessionId) -> int:
        """Tell how many sessions a tree has."""

    def tree(self, root_session_id: SessionId, limit: int) -> Sequence[Session]:
        """Read the sessions of a tree, oldest first."""

    def run_seconds(self, session_ids: Sequence[SessionId], now: datetime) -> dict[SessionId, float]:
        """Tell how long the jobs of sessions have run; a session that never ran is left out."""


class Relatives(Protocol):
    """The part of a transaction that is about parents and children."""

    callbacks: CallbackRows
    families: FamilyRows
    moved: list[Moved]
    stirred: list[SessionId]
