"""The quota holds as the verbs see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypedDict

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.quota_hold import HoldId, HoldState, QuotaHold


class HoldChanges(TypedDict, total=False):
    """The columns of a quota hold that may change."""

    limit_name: str
    state: HoldState
    until: datetime
    said: str | None
    refusals: int
    probe_job_id: JobId | None
    probe_attempt: int | None
    probe_began_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None


class QuotaRows(Protocol):
    """The quota holds."""

    def lock(self) -> None:
        """Let nobody else make or change a hold until this is over."""

    def insert(self, hold: QuotaHold) -> None:
        """Write a new hold."""

    def get(self, hold_id: HoldId) -> QuotaHold | None:
        """Read one hold."""

    def open(self) -> Sequence[QuotaHold]:
        """Read the holds that are not lifted, oldest first."""

    def change(self, hold_id: HoldId, changes: HoldChanges) -> QuotaHold | None:
        """Change a hold that is not lifted; nothing if it is."""

    def begin_probe(self, hold_id: HoldId, job_id: JobId, attempt: int, now: datetime) -> bool:
        """Let a job try whether the limit is over; false if another one does already, or the hold has changed."""

    def forget(self, lifted_before: datetime) -> int:
        """Remove the holds that were lifted before a moment, and tell how many."""
