"""Those who wait for the answer to a question."""

from agent_runtime.services.parked_readers import ParkedReaders
from agent_runtime.services.ports.store import Announcement


class AnswerReaders(ParkedReaders):
    """Wakes who waits for an answer when it has come, or none will come any more."""

    def hear(self, announcement: Announcement) -> None:
        """Wake those whom a commit concerns."""
        if not self.is_empty():
            told = (event.new for event in announcement.events if event.new.type.startswith("question."))
            self.wake(str(event.data.get("question_id")) for event in told)
