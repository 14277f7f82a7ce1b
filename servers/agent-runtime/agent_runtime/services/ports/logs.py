"""What the verbs ask of a store about output."""

from typing import Protocol

from agent_runtime.domain.ids import JobId
from agent_runtime.services.ports.queries import LogChunk


class LogRows(Protocol):
    """The raw output of the attempts."""

    def end(self, job_id: JobId, attempt: int) -> int:
        """Tell the offset at which the next chunk is expected."""

    def append(self, job_id: JobId, attempt: int, chunk: LogChunk) -> None:
        """Keep a chunk, and let go of the middle where the log has grown too long."""

    def read(self, job_id: JobId, attempt: int, offset: int, limit: int) -> LogChunk | None:
        """Read the first kept bytes at or behind an offset."""
