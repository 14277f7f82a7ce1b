"""What is said about webhooks: as they are made and shown, and each piece of news on its way to them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agent_runtime.domain.webhook import Delivery, DeliveryStatus, News, Webhook, WebhookFormat
from agent_runtime.domain.webhook_targets import URL_CHARACTERS_MAX
from agent_runtime.http.wire.fields import NAME_PATTERN, WireTime

_Wanted = Literal[News.JOB_ENDED, News.SESSION_NEEDS_INPUT, News.SESSION_LOST, News.QUOTA_HELD, News.TREE_ENDED]


class WebhookBody(BaseModel):
    """A place to be told of news: all kinds of it, if none is named.

    `url` is called as it is, or is one reference (`${env:NAME}` or `${file:/PATH}`) to what is called; `secret` is
    always a reference. It names a key for signatures, `whsec_…`, or several with spaces between; `json` must have one.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    url: Annotated[str, Field(min_length=1, max_length=URL_CHARACTERS_MAX)]
    format: WebhookFormat = WebhookFormat.JSON
    secret: Annotated[str, Field(max_length=4096)] | None = None
    news: Annotated[list[_Wanted], Field(min_length=1, max_length=20)] | None = None


class WebhookWire(BaseModel):
    """A webhook; `url` and `secret` as they were given, which is not what a reference stands for."""

    name: str
    url: str
    format: WebhookFormat
    secret: str | None
    news: list[str]
    made_at: WireTime

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookWire":
        """Show a webhook."""
        return cls(
            name=webhook.name,
            url=webhook.url,
            format=webhook.format,
            secret=webhook.secret,
            news=list(webhook.news),
            made_at=webhook.made_at,
        )


class WebhookList(BaseModel):
    """All webhooks, by their names."""

    webhooks: list[WebhookWire]


class DeliveryWire(BaseModel):
    """A piece of news on its way; `delivery_id` is what its target is told as `webhook-id`.

    `attempts` counts those since it was made or replayed. `http_status` is the answer to the last one, null if there
    was none, and `error` says why it did not do. A pending one is due at `next_at`; while an attempt is under way that
    is when it counts as dead.
    """

    delivery_id: str
    webhook: str
    type: News
    status: DeliveryStatus
    happened_at: WireTime
    data: JsonValue
    attempts: int
    tried_at: WireTime | None
    http_status: int | None
    error: str | None
    next_at: WireTime | None
    expires_at: WireTime
    settled_at: WireTime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryWire":
        """Show a delivery."""
        return cls(
            delivery_id=delivery.id,
            webhook=delivery.webhook_name,
            type=delivery.news,
            status=delivery.status,
            happened_at=delivery.happened_at,
            data=delivery.data,
            attempts=delivery.attempts,
            tried_at=delivery.tried_at,
            http_status=delivery.answered,
            error=delivery.error,
            next_at=delivery.next_at,
            expires_at=delivery.expires_at,
            settled_at=delivery.settled_at,
        )


class DeliveryList(BaseModel):
    """One page of deliveries, newest first; `next_cursor` is null on the last one."""

    deliveries: list[DeliveryWire]
    next_cursor: str | None = None
