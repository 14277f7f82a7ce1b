"""How much there is of everything, asked of the rows without reading them one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent_runtime.domain.job import JobStatus, WaitsOn
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import DeliveryStatus


@dataclass(frozen=True)
class PendingCount:
    """How many pending jobs of one lane wait for the same thing; `waits_on` is None for those that could be claimed."""

    lane_id: int
    waits_on: WaitsOn | None
    jobs: int


@dataclass(frozen=True)
class CallbackCount:
    """How many callbacks wait for their child, and how many whose child is at rest wait to be told for too long."""

    pending: int
    late: int


class CountRows(Protocol):
    """Counts over the tables."""

    def jobs(self) -> Mapping[JobStatus, int]:
        """Count the jobs that are kept, by status."""

    def pending(self) -> Sequence[PendingCount]:
        """Count the pending jobs by lane and by what they wait for."""

    def sessions(self) -> Mapping[SessionStatus, int]:
        """Count the sessions by status."""

    def callbacks(self, rested_before: datetime) -> CallbackCount:
        """Count the callbacks that are not delivered; late are those whose child was at rest by then."""

    def deliveries(self) -> Mapping[DeliveryStatus, int]:
        """Count the deliveries to webhooks that are kept, by status."""

    def database_bytes(self) -> int:
        """Tell how large the database is."""
