"""What a transaction offers for questions: their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict

from agent_runtime.domain.ids import JobId, QuestionId, SessionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.question import Question, QuestionStatus


class QuestionChanges(TypedDict, total=False):
    """The columns of a question that may change."""

    status: QuestionStatus
    attempt: int
    call_id: str
    settled_at: datetime | None
    answer: Json
    answered_by: str | None
    taken_at: datetime | None


@dataclass(frozen=True)
class QuestionFilter:
    """Which questions a list is about; `before` is the id behind which the page starts, newest first."""

    limit: int
    before: QuestionId | None = None
    status: QuestionStatus | None = None
    session_id: SessionId | None = None
    root_session_id: SessionId | None = None


class QuestionRows(Protocol):
    """The questions."""

    def insert(self, question: Question) -> None:
        """Write a new question."""

    def get(self, question_id: QuestionId) -> Question | None:
        """Read one question."""

    def of_job(self, job_id: JobId) -> Sequence[Question]:
        """Read all questions of a job, oldest first."""

    def open_of_job(self, job_id: JobId) -> Sequence[Question]:
        """Read the questions of a job that nobody has answered yet, oldest first."""

    def change(self, question: Question, changes: QuestionChanges) -> Question | None:
        """Change one question if its status, its attempt and whether it was taken are as read; nothing if not."""

    def overdue(self, now: datetime, limit: int) -> Sequence[Question]:
        """Read open questions whose time is over, the oldest first."""

    def next_expiry(self) -> datetime | None:
        """Tell when the next open question expires."""

    def count_open(self) -> int:
        """Tell how many questions wait for an answer."""

    def open_of_sessions(self, session_ids: Sequence[SessionId]) -> Sequence[Question]:
        """Read the questions of these sessions that nobody has answered yet, oldest first."""

    def page(self, wanted: QuestionFilter) -> Sequence[Question]:
        """Read one page of a list, newest first."""
