"""Those who wait for the output of a job, or for what a launcher was asked."""

from agent_runtime.services.parked_readers import ParkedReaders
from agent_runtime.services.ports.store import Announcement

_ENDS = frozenset({"job.completed", "job.failed", "job.stopped", "job.requeued"})


class LogReaders(ParkedReaders):
    """Wakes who waits for an answer, or for a job's output: when some has come, or none will come any more."""

    def hear(self, announcement: Announcement) -> None:
        """Wake those whom a commit concerns."""
        if self.is_empty():
            return
        ended = [event.new.job_id for event in announcement.events if event.new.type in _ENDS]
        self.wake(of for of in (*announcement.logs, *ended) if of is not None)
