"""Webhooks and deliveries in the words of a terminal, and the wait for what comes of a delivery."""

import time
from enum import StrEnum

from runtime_client.errors import UsageError
from runtime_client.webhook_calls import WebhookCalls
from runtime_client.wire import Json, JsonObject

WEBHOOK_HEADINGS = ("NAME", "FORMAT", "URL", "NEWS")
DELIVERY_HEADINGS = ("DELIVERY", "NEWS", "STATUS", "ATTEMPTS", "HAPPENED", "ANSWER")
LOOK_EVERY_SECONDS = 0.2
_NEEDS_NAME = "the name of a webhook is expected"


class What(StrEnum):
    """What is done with webhooks."""

    LIST = "list"
    ADD = "add"
    REMOVE = "remove"
    TEST = "test"
    DELIVERIES = "deliveries"
    REPLAY = "replay"


def read_what(word: str) -> What:
    """Read what is to be done.

    Errors:  UsageError.
    """
    if word not in list(What):
        raise UsageError(f"cannot {word!r} webhooks: one of {', '.join(What)} is expected")
    return What(word)


def named(what: What, name: str | None) -> str:
    """Return the name of the webhook that something is done with.

    Errors:  UsageError.
    """
    if name is None:
        raise UsageError(f"cannot {what} nothing: {_NEEDS_NAME} (see ao-notify list)")
    return name


def webhook_from(name: str, url: str | None, form: str | None, secret: str | None, news: list[str]) -> JsonObject:
    """Return what is asked for, from the words of a command line.

    Errors:  UsageError.
    """
    if url is None:
        raise UsageError(f"cannot add {name!r}: --url is expected")
    given: dict[str, Json] = {"format": form, "secret": secret, "news": [*news] or None}
    return {"name": name, "url": url, **{key: value for key, value in given.items() if value is not None}}


def wait_for_attempt(calls: WebhookCalls, name: str, delivery_id: str, within_seconds: float) -> JsonObject:
    """Look at a delivery until an attempt of it is over, or the time is."""
    ends_at = time.monotonic() + within_seconds
    while True:
        found = calls.delivery(name, delivery_id)
        if found.get("status") != "pending" or found.get("error") or time.monotonic() >= ends_at:
            return found
        time.sleep(LOOK_EVERY_SECONDS)


def webhook_row(webhook: JsonObject) -> tuple[str, ...]:
    """Show a webhook in one line."""
    news = webhook.get("news")
    words = ", ".join(str(one) for one in news) if isinstance(news, list) else ""
    return str(webhook.get("name")), str(webhook.get("format")), str(webhook.get("url")), words


def delivery_row(delivery: JsonObject, happened: str) -> tuple[str, ...]:
    """Show a delivery in one line."""
    shown = ("delivery_id", "type", "status", "attempts")
    return *(str(delivery.get(name)) for name in shown), happened, answer_in_short(delivery)


def answer_in_short(delivery: JsonObject) -> str:
    """Say what came of the last attempt."""
    status = delivery.get("http_status")
    return str(delivery.get("error") or (f"HTTP {status}" if status is not None else "no attempt is over yet"))
