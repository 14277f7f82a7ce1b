"""The forms in which a piece of news leaves: as data for programs, or as words for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.webhook import Delivery, News, WebhookFormat
from agent_runtime.domain.webhook_links import link_of

TEXT_CHARACTERS_MAX = 500
_TITLES: Mapping[News, str] = {
    News.JOB_ENDED: "Job ended",
    News.SESSION_NEEDS_INPUT: "An agent asks",
    News.SESSION_LOST: "Session lost",
    News.QUOTA_HELD: "Limit used up",
    News.TREE_ENDED: "Tree ended",
    News.TEST: "Test",
}
_TAGS: Mapping[News, str] = {
    News.JOB_ENDED: "checkered_flag",
    News.SESSION_NEEDS_INPUT: "question",
    News.SESSION_LOST: "warning",
    News.QUOTA_HELD: "hourglass",
    News.TREE_ENDED: "deciduous_tree",
    News.TEST: "wave",
}
_JOINERS = "\u200c\u200d"
"""What joins letters and pictures to one; all else that cannot be printed turns a text around, or hides in it."""
_URGENT = frozenset({News.SESSION_NEEDS_INPUT, News.SESSION_LOST})


@dataclass(frozen=True)
class Message:
    """What is sent: the same for each attempt."""

    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def message_of(delivery: Delivery, form: WebhookFormat, page_url: str = "") -> Message:
    """Put a piece of news into the form that its target reads, with a link if it is known where the page is."""
    link = link_of(delivery, page_url)
    match form:
        case WebhookFormat.SLACK:
            # Slack reads these three as markup, in which a text could address everybody.
            words = sentence_of(delivery).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            words += f" {link}" if link is not None else ""
            return Message("application/json", _json({"text": words, "mrkdwn": False}))
        case WebhookFormat.NTFY:
            headers = {
                "Title": _TITLES[delivery.news],
                "Tags": _TAGS[delivery.news],
                "Priority": "high" if delivery.news in _URGENT else "default",
                **({"Click": link} if link is not None else {}),
            }
            return Message("text/plain; charset=utf-8", _bytes(sentence_of(delivery)), headers)
        case WebhookFormat.JSON:
            told: JsonObject = {
                "type": delivery.news.value,
                "timestamp": _iso(delivery.happened_at),
                "data": {**delivery.data, **({"link": link} if link is not None else {})},
            }
            return Message("application/json", _json(told))


def sentence_of(delivery: Delivery) -> str:
    """Say a piece of news in one sentence, on one line, whatever agents wrote into it."""
    words = _sentence_of(delivery)
    return " ".join("".join(one if one.isprintable() or one in _JOINERS else " " for one in words).split())


def _sentence_of(delivery: Delivery) -> str:
    data = delivery.data
    who = _text(data, "session_name")
    match delivery.news:
        case News.JOB_ENDED:
            return f"{who} {_text(data, 'status')}{_because(data)}"
        case News.SESSION_NEEDS_INPUT:
            return f"{who} asks: {_asked(data)}"
        case News.SESSION_LOST:
            return f"{who} is lost: nobody can prove that it lives (it may still heal)"
        case News.QUOTA_HELD:
            limit, account = _text(data, "limit"), _text(data, "account")
            return f"{_text(data, 'backend')}'s {limit} on account '{account}' is used up until {_when(data, 'until')}"
        case News.TREE_ENDED:
            return f"{who} and all below it are at rest: {_counted(data)}"
        case News.TEST:
            return f"a test of the webhook '{delivery.webhook_name}'"


def shortened(text: str | None) -> str | None:
    """Keep the beginning of a text."""
    if text is None or len(text) <= TEXT_CHARACTERS_MAX:
        return text
    return f"{text[:TEXT_CHARACTERS_MAX]}…"


def _because(data: JsonObject) -> str:
    words = [word for name in ("reason", "error") if (word := _text(data, name))]
    return f": {': '.join(words)}" if words else ""


def _asked(data: JsonObject) -> str:
    words = [word for name in ("tool", "text") if (word := _text(data, name))]
    return ": ".join(words) or _text(data, "kind")


def _counted(data: JsonObject) -> str:
    counts = data.get("sessions")
    found: Sequence[tuple[str, Json]] = sorted(counts.items()) if isinstance(counts, dict) else ()
    return ", ".join(f"{count} {status}" for status, count in found)


def _text(data: JsonObject, name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value)


def _when(data: JsonObject, name: str) -> str:
    return f"{datetime.fromisoformat(_text(data, name)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _json(value: JsonObject) -> bytes:
    return _bytes(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
