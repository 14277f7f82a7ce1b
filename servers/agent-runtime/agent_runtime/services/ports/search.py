"""What the store must offer for the search over the texts of sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent_runtime.domain.ids import SessionId


@dataclass(frozen=True)
class SearchPosition:
    """How far the index has come.

    Shape:   every session up to `swept_through` was read once (None when that is done), and again after every event
             up to `through_seq`.
    """

    through_seq: int
    swept_through: SessionId | None


class SearchRows(Protocol):
    """The words of the sessions, and how far they are up to date."""

    def position(self) -> SearchPosition | None:
        """Tell how far the index has come; None if it never began."""

    def move(self, position: SearchPosition) -> None:
        """Say how far the index has come."""

    def touched(self, after: int, through: int, types: Sequence[str]) -> Sequence[SessionId]:
        """Tell which sessions these events speak of, those behind `after` up to `through`."""

    def behind(self, session_id: SessionId, limit: int) -> Sequence[SessionId]:
        """Tell the sessions that were made after this one, oldest first."""

    def texts(self, session_id: SessionId, characters_max: int, jobs_max: int) -> Sequence[str] | None:
        """Read what a session is found by, the beginning of each text; None if there is no such session."""

    def keep(self, session_id: SessionId, words: Sequence[str]) -> None:
        """Let a session be found by these words and by no others."""

    def forget(self, session_id: SessionId) -> None:
        """Let a session be found no more."""
