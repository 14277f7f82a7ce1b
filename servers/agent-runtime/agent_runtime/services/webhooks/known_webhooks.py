"""Which webhooks there are: made, removed, tested and looked at by a person."""

from dataclasses import replace

from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import new_id
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.unknown import shown
from agent_runtime.domain.webhook import (
    ALL_NEWS,
    TRIED_FOR,
    WEBHOOKS_MAX,
    Delivery,
    DeliveryId,
    DeliveryStatus,
    News,
    Webhook,
    WebhookFormat,
    is_reference,
)
from agent_runtime.domain.webhook_targets import Targets, place_of
from agent_runtime.services.ports.store import Transaction

CREATED, REMOVED, DUE = "webhook.created", "webhook.removed", "webhook.due"
STIRS = frozenset({CREATED, REMOVED, DUE})
"""The events after which those who deliver have to look."""


def make_webhook(tx: Transaction, asked: Webhook, targets: Targets) -> Webhook:
    """Tell somebody outside of what happens from now on.

    Errors:  Invalid; Conflict `webhook_exists` or `too_many_webhooks`.
    """
    _check(asked, targets)
    tx.webhooks.lock()
    if tx.webhooks.get(asked.name) is not None:
        raise Conflict("webhook_exists", f"there is a webhook '{asked.name}' (remove it first, or choose another name)")
    if len(tx.webhooks.all()) >= WEBHOOKS_MAX:
        raise Conflict("too_many_webhooks", f"there are {WEBHOOKS_MAX} webhooks, which is all (remove one first)")
    webhook = replace(asked, through_seq=tx.events.bounds()[1], made_at=tx.now)
    tx.webhooks.insert(webhook)
    _emit(tx, CREATED, webhook.name)
    return webhook


def get_webhook(tx: Transaction, name: str) -> Webhook:
    """Read one webhook.

    Errors:  NotFound.
    """
    webhook = tx.webhooks.get(name)
    if webhook is None:
        raise NotFound("webhook_unknown", f"no webhook '{shown(name)}' (GET /webhooks lists those that there are)")
    return webhook


def remove_webhook(tx: Transaction, name: str) -> Webhook:
    """Tell somebody nothing more; what is on its way there goes too.

    Errors:  NotFound.
    """
    webhook = get_webhook(tx, name)
    tx.webhooks.remove(name)
    _emit(tx, REMOVED, name)
    return webhook


def send_test(tx: Transaction, name: str) -> Delivery:
    """Send a test, as anything else is sent.

    Errors:  NotFound.
    """
    webhook = get_webhook(tx, name)
    delivery = new_delivery(tx, webhook, News.TEST, {"webhook": webhook.name})
    tx.webhooks.add(delivery)
    _emit(tx, DUE, name)
    return delivery


def get_delivery(tx: Transaction, name: str, delivery_id: str) -> Delivery:
    """Read one delivery of a webhook.

    Errors:  NotFound.
    """
    get_webhook(tx, name)
    delivery = tx.webhooks.delivery(DeliveryId(delivery_id))
    if delivery is None or delivery.webhook_name != name:
        raise NotFound("delivery_unknown", f"no delivery '{shown(delivery_id)}' of webhook '{name}'")
    return delivery


def replay_delivery(tx: Transaction, name: str, delivery_id: str) -> Delivery:
    """Send a piece of news once more, under its own id; one that is pending is sent at once.

    Errors:  NotFound.
    """
    delivery = get_delivery(tx, name, delivery_id)
    replayed = tx.webhooks.change(
        delivery,
        {
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "expires_at": tx.now + TRIED_FOR,
            "next_at": tx.now,
            "settled_at": None,
        },
    )
    if replayed is None:  # Somebody has just tried it.
        return replay_delivery(tx, name, delivery_id)
    _emit(tx, DUE, name)
    return replayed


def new_delivery(
    tx: Transaction, webhook: Webhook, news: News, data: JsonObject, told_by: "tuple[int, NewEvent] | None" = None
) -> Delivery:
    """Word a delivery that is due at once; `told_by` is the event that it tells of, with its place."""
    return Delivery(
        id=DeliveryId(new_id("msg_", tx.now, tx.random_bytes)),
        webhook_name=webhook.name,
        news=news,
        event_seq=told_by[0] if told_by is not None else None,
        happened_at=told_by[1].at if told_by is not None else tx.now,
        data=data,
        made_at=tx.now,
        expires_at=tx.now + TRIED_FOR,
        next_at=tx.now,
    )


def _check(asked: Webhook, targets: Targets) -> None:
    if asked.secret is not None and not is_reference(asked.secret):
        raise _invalid("secret", "a secret is named, not said: '${env:NAME}' or '${file:/PATH}' is expected")
    if asked.secret is None and asked.format is WebhookFormat.JSON:
        raise _invalid("secret", "what is sent as 'json' is signed: '${env:NAME}' or '${file:/PATH}' is expected")
    if not asked.news:
        known = ", ".join(f"'{news}'" for news in ALL_NEWS)
        raise _invalid("news", f"at least one of {known} is expected")
    if is_reference(asked.url):
        return
    if "${" in asked.url:
        raise _invalid("url", "a reference is the whole URL, or none of it")
    try:
        targets.check_place(place_of(asked.url))
    except ValueError as error:
        raise _invalid("url", str(error)) from error


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid("invalid_parameters", f"invalid {name}: {sentence}")


def _emit(tx: Transaction, name: str, webhook: str) -> None:
    tx.emit(NewEvent(type=name, at=tx.now, data={"webhook": webhook}))
