"""How much there is of everything right now, for those who watch a runtime from afar."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent_runtime.domain.job import JobStatus, WaitsOn
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.reasons import WaitReason
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import DeliveryStatus
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.ports.counts import CallbackCount, PendingCount
from agent_runtime.services.ports.store import Transaction

LATE_AFTER = timedelta(minutes=1)
"""How long news of a child may wait for its parent before it counts as late."""
_REASON: Mapping[WaitsOn, WaitReason] = {
    WaitsOn.SESSION: WaitReason.SESSION_BUSY,
    WaitsOn.TIME: WaitReason.NOT_BEFORE,
    WaitsOn.HELD: WaitReason.HELD,
    WaitsOn.ANSWER: WaitReason.NOT_ANSWERED,
}


@dataclass(frozen=True)
class LauncherLoad:
    """A launcher that has not gone, and how many jobs it has."""

    launcher: Launcher
    jobs: int


@dataclass(frozen=True)
class Numbers:
    """The counts of one moment.

    Shape:   `jobs` and `sessions` are those that are kept, by status; `waiting` are the pending jobs, by the reason
             that each of them would be told.
    """

    jobs: Mapping[JobStatus, int]
    waiting: Mapping[str, int]
    sessions: Mapping[SessionStatus, int]
    launchers: Sequence[LauncherLoad]
    callbacks: CallbackCount
    deliveries: Mapping[DeliveryStatus, int]
    database_bytes: int


def read_numbers(tx: Transaction) -> Numbers:
    """Count everything, each from an index."""
    at_work = tx.jobs.count_at_launchers()
    return Numbers(
        jobs=tx.counts.jobs(),
        waiting=_by_reason(tx, tx.counts.pending()),
        sessions=tx.counts.sessions(),
        launchers=[LauncherLoad(one, at_work.get(one.id, 0)) for one in tx.launchers.present()],
        callbacks=tx.counts.callbacks(tx.now - LATE_AFTER),
        deliveries=tx.counts.deliveries(),
        database_bytes=tx.counts.database_bytes(),
    )


def _by_reason(tx: Transaction, pending: Sequence[PendingCount]) -> Mapping[str, int]:
    """Ask why only of the first job of each lane: those behind it wait for the same launchers."""
    ready = {one.lane_id: one.jobs for one in pending if one.waits_on is None}
    heads = [jobs[0] for jobs in tx.queue.fronts(list(ready), 1).values()]
    reasons = explain_waiting(tx, heads)
    waiting: Counter[str] = Counter()
    for job in heads:
        waiting[reasons[job.id].reason] += ready[job.lane_id]
    for one in pending:
        if one.waits_on is not None:
            waiting[_REASON[one.waits_on]] += one.jobs
    return waiting
