"""How much may wait: a queue that nobody works off is refused, not remembered without end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.domain.errors import TooMuch
from agent_runtime.domain.job import JobType, Order
from agent_runtime.services.ports.store import Transaction

COUNTED_ANEW_EVERY = timedelta(seconds=1)
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may wait in all, and for one session."""

    waiting_max: int = 200_000
    waiting_of_session_max: int = 1_000


class QueueGauge:
    """Knows how many jobs wait: counted in the database once a second, and by hand in between.

    Between two counts other runtimes may add some too; the limit guards the disk, and need not be exact.
    """

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._counted_at: datetime | None = None
        self._waiting = 0

    def admit(self, tx: Transaction, order: Order) -> None:
        """Let one more job wait, or refuse it.

        Errors:  TooMuch `queue_full` or `session_queue_full`.
        """
        if self._counted_at is None or abs(tx.now - self._counted_at) >= COUNTED_ANEW_EVERY:
            self._waiting = tx.jobs.count_waiting(self._limits.waiting_max)
            self._counted_at = tx.now
        if self._waiting >= self._limits.waiting_max:
            raise TooMuch(
                "queue_full",
                f"cannot take the job: {self._limits.waiting_max} jobs wait already (start more launchers, or wait)",
                RETRY_AFTER_SECONDS,
            )
        limit = self._limits.waiting_of_session_max
        session = tx.sessions.find(order.session_name) if order.type is JobType.RESUME_SESSION else None
        if session is not None and tx.jobs.count_waiting_of_session(session.id, limit) >= limit:
            raise TooMuch(
                "session_queue_full",
                f"cannot take the job: {limit} jobs of this session wait already (wait until some have run)",
                RETRY_AFTER_SECONDS,
            )
        self._waiting += 1
