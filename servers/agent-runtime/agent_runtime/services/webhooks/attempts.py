"""Each attempt of a delivery: taken by one runtime for a time, and settled with what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.domain.webhook import (
    KEPT_FOR,
    Delivery,
    DeliveryStatus,
    Outcome,
    Webhook,
    next_attempt,
)
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.webhooks.news import take_news

ERROR_CHARACTERS_MAX = 500
OTHERS_LEAD_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True)
class Taken:
    """What is to be sent now, each with its webhook, and when to look again; None: when something happens."""

    attempts: Sequence[tuple[Webhook, Delivery]] = ()
    next_at: datetime | None = None


def take_due(tx: Transaction, places: Mapping[str, int], places_of_new: int, lasts: timedelta) -> Taken:
    """Make deliveries of what has happened, and take as many attempts as there are places.

    Shape:   `places` are those left of each webhook, `places_of_new` those of one that is not in there. An attempt that
             is not settled within `lasts` counts as dead, and somebody takes the next one.
    """
    if not tx.leads("webhooks"):
        return Taken(next_at=tx.now + OTHERS_LEAD_PAUSE)
    has_more = take_news(tx)
    tx.webhooks.forget(tx.now - KEPT_FOR)
    taken: list[tuple[Webhook, Delivery]] = []
    times: list[datetime] = [tx.now] if has_more else []
    for webhook in tx.webhooks.all():
        left = places.get(webhook.name, places_of_new)
        due = tx.webhooks.due(webhook.name, tx.now, left) if left else ()
        begun = [one for delivery in due if (one := _begin(tx, delivery, lasts)) is not None]
        taken += [(webhook, delivery) for delivery in begun]
        if len(begun) < left:  # Without a place left, the end of an attempt is what to wait for.
            next_at = tx.webhooks.next_due(webhook.name)
            times += [next_at] if next_at is not None else []
    return Taken(taken, min(times, default=None))


def settle(tx: Transaction, delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """Write down what came of an attempt; nothing if it counted as dead meanwhile, or was replayed or removed."""
    if outcome.is_delivered:
        return tx.webhooks.change(
            delivery,
            {
                "status": DeliveryStatus.DELIVERED,
                "next_at": None,
                "answered": outcome.status,
                "error": None,
                "settled_at": tx.now,
            },
        )
    share = int.from_bytes(tx.random_bytes(2), "big") / 0xFFFF
    next_at = next_attempt(tx.now, delivery.attempts, outcome, share)
    is_over = outcome.is_final or next_at > delivery.expires_at
    return tx.webhooks.change(
        delivery,
        {
            "status": DeliveryStatus.FAILED if is_over else DeliveryStatus.PENDING,
            "next_at": None if is_over else next_at,
            "answered": outcome.status,
            "error": (outcome.error or "")[:ERROR_CHARACTERS_MAX],
            "settled_at": tx.now if is_over else None,
        },
    )


def _begin(tx: Transaction, delivery: Delivery, lasts: timedelta) -> Delivery | None:
    return tx.webhooks.change(
        delivery, {"attempts": delivery.attempts + 1, "tried_at": tx.now, "next_at": tx.now + lasts}
    )
