"""Answers what the runtime asks about folders, one question after the other and beside all else."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable

from lib.api_client import ApiClient
from lib.changes.repository import NoChangesError
from lib.errors import CallFailed
from lib.registration import Registration
from lib.wire.models import Inquiry, JsonObject

log = logging.getLogger("agent-launcher")

NOTHING_ASKED_SECONDS = 3600.0
WAITING_MAX = 16
SENTENCE_CHARACTERS_MAX = 1500


class Inquiries:
    """Takes inquiries from the poll, and answers them in a thread of its own: Git may read for seconds."""

    def __init__(self, api: ApiClient, registration: Registration, find: Callable[[Inquiry], JsonObject]) -> None:
        self._api = api
        self._registration = registration
        self._find = find
        # Full, it forgets the oldest: who asked that one has waited longest, and asks again.
        self._waiting: deque[Inquiry] = deque(maxlen=WAITING_MAX)

    def take(self, inquiries: Iterable[Inquiry]) -> None:
        """Note what is asked."""
        self._waiting.extend(inquiries)

    def step(self) -> float:
        """Answer one inquiry and return the seconds until the next look."""
        if not self._waiting:
            return NOTHING_ASKED_SECONDS
        inquiry = self._waiting.popleft()
        launcher_id = self._registration.launcher_id
        if launcher_id is not None:
            try:
                self._api.answer_inquiry(launcher_id, inquiry.inquiry_id, self._answer_to(inquiry))
            except CallFailed as error:
                log.info("an answer was not taken inquiry_id=%s error=%s", inquiry.inquiry_id, error)
        return 0.0

    def _answer_to(self, inquiry: Inquiry) -> JsonObject:
        try:
            return {"changes": self._find(inquiry)}
        except (NoChangesError, OSError, ValueError) as error:
            return {"error": str(error)[:SENTENCE_CHARACTERS_MAX]}
