"""A webhook: a place outside that is told what happens here. A delivery: one piece of news on its way there.

pending ──► delivered
 │  ▲ ▲         │
 ▼  │ └─────────┤  a person has it replayed, under the same id
failed ─────────┘
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from agent_runtime.domain.json import JsonObject

DeliveryId = NewType("DeliveryId", str)

WEBHOOKS_MAX = 20
TRIED_FOR = timedelta(days=1)
KEPT_FOR = timedelta(days=8)
"""How long a delivery is remembered, and can be replayed, once it is over."""
PAUSES: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
)
PAUSE_MAX = timedelta(hours=2)
JITTER_SHARE = 0.2
GONE = 410
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
_REFERENCE = re.compile(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:(?:/|~/)[^}\0\r\n]+)\}")


class News(StrEnum):
    """What a webhook can be told; the last one only because somebody asked for a test."""

    JOB_ENDED = "job.ended"
    SESSION_NEEDS_INPUT = "session.needs_input"
    SESSION_LOST = "session.lost"
    QUOTA_HELD = "quota.held"
    TREE_ENDED = "tree.ended"
    TEST = "webhook.test"


ALL_NEWS: Sequence[News] = tuple(news for news in News if news is not News.TEST)


class WebhookFormat(StrEnum):
    """In which form the news is put."""

    JSON = "json"
    SLACK = "slack"
    NTFY = "ntfy"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A row of the webhooks table, as it was read.

    Shape:   `url` may be a reference as a whole, `secret` always is one; `news` are values of News; what happened up to
             the event `through_seq` has become deliveries.
    """

    name: str
    url: str
    format: WebhookFormat
    secret: str | None
    news: Sequence[str]
    through_seq: int
    made_at: datetime


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A row of the deliveries table, as it was read.

    Shape:   `event_seq` is the event that tells it, None for a test; `attempts` counts those that began since it was
             made or replayed; a pending one is due at `next_at`, and while an attempt is under way that is when this
             counts as dead. `answered` is the HTTP status of the last attempt, if there was an answer, and `error` says
             why it did not do.
    """

    id: DeliveryId
    webhook_name: str
    news: News
    event_seq: int | None
    happened_at: datetime
    data: JsonObject
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    made_at: datetime
    expires_at: datetime
    next_at: datetime | None
    tried_at: datetime | None = None
    answered: int | None = None
    error: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt.

    Shape:   `status` is that of the answer, None if there was none; `retry_after_seconds` is what the target asked for.
    """

    status: int | None
    error: str | None = None
    retry_after_seconds: float | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the target has taken it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Whether the target wants nothing more of this."""
        return self.status == GONE


def next_attempt(now: datetime, attempts: int, outcome: Outcome, share: float) -> datetime:
    """Tell when to try again after so many attempts.

    Shape:   `share`, from 0 to 1, is drawn by lot: not all that failed together comes back together.
    """
    pause = PAUSES[attempts - 1] if attempts <= len(PAUSES) else PAUSE_MAX
    if outcome.retry_after_seconds is not None:
        pause = max(pause, min(timedelta(seconds=outcome.retry_after_seconds), PAUSE_MAX))
    return now + pause * (1 + JITTER_SHARE * share)


def is_reference(text: str) -> bool:
    """Tell whether a text is one reference, and nothing beside it."""
    return text.isprintable() and _REFERENCE.fullmatch(text) is not None


def keys_of(secret: str) -> Sequence[bytes]:
    """Read the keys that a secret holds: one, or several with spaces between while they are exchanged.

    Errors:  ValueError, which never quotes the secret.
    """
    keys = [_key_of(word) for word in secret.split()]
    if not keys:
        raise ValueError("its secret is empty")
    return keys


def signature(keys: Sequence[bytes], delivery_id: str, timestamp: int, body: bytes) -> str:
    """Sign one attempt, with each of the keys.

    Source:  Standard Webhooks 1.0.0, signature scheme (symmetric).
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key_of(word: str) -> bytes:
    expected = f"'{SECRET_PREFIX}' and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64 are expected"
    try:
        key = base64.b64decode(word.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"its secret is of another form: {expected}") from error
    if not word.startswith(SECRET_PREFIX) or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(f"its secret is of another form: {expected}")
    return key
