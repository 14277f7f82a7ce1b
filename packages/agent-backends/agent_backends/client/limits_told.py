"""When a limit ends, where a client's error says it: in typed fields, and as the last resort in words."""

import re
import time
from collections.abc import Callable, Mapping

from agent_backends.client.loose import amount
from agent_backends.client.typed_errors import objects_in
from agent_backends.protocol import TIME_FIRST, TIME_LAST, Limit
from runtime_client.reasons import Reason
from runtime_client.wire import Json

LIMITS = (Reason.QUOTA_EXHAUSTED, Reason.RATE_LIMITED)
_AT_FIELDS = ("resetsAt", "resets_at", "reset_at", "resetAt")
_AFTER_FIELDS = ("retry_after", "retryAfter", "retry-after", "retryAfterSeconds", "resets_in_seconds")
_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Units may be joined, as in `1h2m3.5s`; what goes on in letters is another unit, as in `854ms` or `2 months`.
_IN_WORDS = re.compile(
    r"(?:try again|retry|resets?|available|reset after)\s+(?:in|after)\s+((?:\d+(?:\.\d+)?\s*"
    r"(?:d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])", re.IGNORECASE)


def limit_told(reason: Reason | None, content: Json, words: str, now: Callable[[], float] = time.time) -> Limit | None:
    """Return what an error says of the limit behind it; None if it is about none, or says nothing."""
    if reason not in LIMITS:
        return None
    for found in objects_in(content):
        for field in _AT_FIELDS:
            if TIME_FIRST < (at := amount(found, field) or 0.0) < TIME_LAST:
                return Limit(retry_at=at)
        for field in _AFTER_FIELDS:
            if (seconds := amount(found, field) or 0.0) > 0:
                return Limit(retry_at=now() + seconds)
    seconds = _seconds_in(words)
    return Limit(retry_at=now() + seconds) if seconds else None


def _seconds_in(words: str) -> float:
    found = _IN_WORDS.search(words)
    if found is None:
        return 0.0
    return sum(float(count) * _UNITS[unit.lower()] for count, unit in _PART.findall(found[1]))
