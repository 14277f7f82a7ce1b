"""What a store offers to who lets go of what is old."""

from datetime import datetime
from typing import Protocol


class RetentionRows(Protocol):
    """The rows that may go."""

    def used_bytes(self) -> int:
        """Tell how much the database holds; what was freed and can be used again does not count."""

    def oldest_ended_at(self) -> datetime | None:
        """Tell when the job ended that ended first of those that still have output or events."""

    def remove_jobs(self, before: datetime, limit: int) -> int:
        """Remove jobs that ended before a moment and that nothing refers to, each session's newest one excepted."""

    def remove_outputs(self, before: datetime, limit: int) -> int:
        """Remove the output of jobs that ended before a moment."""

    def remove_events(self, before: datetime, limit: int) -> int:
        """Remove events from before a moment, those of sessions at work excepted."""

    def remove_callbacks(self, before: datetime, limit: int) -> int:
        """Remove callbacks that were settled before a moment."""

    def remove_launchers(self, before: datetime, limit: int) -> int:
        """Remove launchers that were heard of last before a moment, hold nothing, and are not alive."""
