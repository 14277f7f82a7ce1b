"""What the store must offer for questions that launchers answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from agent_runtime.domain.ids import InquiryId, LauncherId
from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.domain.json import JsonObject


class InquiryRows(Protocol):
    """The inquiries that are on their way; each goes when its answer was read."""

    def insert(self, inquiry: Inquiry) -> None:
        """Write a new inquiry."""

    def take(self, launcher_id: LauncherId) -> Sequence[Inquiry]:
        """Give a launcher the inquiries that it was not given yet."""

    def count(self, launcher_id: LauncherId) -> int:
        """Tell how many inquiries of a launcher are on their way."""

    def answer(self, inquiry_id: InquiryId, launcher_id: LauncherId, answer: JsonObject) -> bool:
        """Keep an answer; false if nobody waits for it from this launcher."""

    def answer_of(self, inquiry_id: InquiryId) -> "JsonObject | None":
        """Read the answer, if it has come."""

    def remove(self, inquiry_id: InquiryId) -> None:
        """Let go of an inquiry."""

    def remove_before(self, moment: datetime) -> None:
        """Let go of inquiries whose asker must have left."""
