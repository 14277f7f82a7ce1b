"""What a transaction offers for webhooks: who is told, and each piece of news on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict

from agent_runtime.domain.event import Event
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import Delivery, DeliveryId, DeliveryStatus, Webhook


class DeliveryChanges(TypedDict, total=False):
    """The columns of a delivery that may change."""

    status: DeliveryStatus
    attempts: int
    expires_at: datetime
    next_at: datetime | None
    tried_at: datetime | None
    answered: int | None
    error: str | None
    settled_at: datetime | None


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries a list is about; `before` is the id behind which the page starts, newest first."""

    webhook_name: str
    limit: int
    before: DeliveryId | None = None
    status: DeliveryStatus | None = None


class WebhookRows(Protocol):
    """The webhooks and their deliveries."""

    def lock(self) -> None:
        """Let nobody else make a webhook until this is over."""

    def insert(self, webhook: Webhook) -> None:
        """Write a new webhook."""

    def get(self, name: str) -> Webhook | None:
        """Read one webhook."""

    def all(self) -> Sequence[Webhook]:
        """Read all webhooks, by their names."""

    def move(self, name: str, through_seq: int) -> None:
        """Say up to which event a webhook's news has become deliveries."""

    def remove(self, name: str) -> None:
        """Remove a webhook, with its deliveries."""

    def events(self, after: int, through: int, types: Sequence[str]) -> Sequence[Event]:
        """Read the events of some types behind `after` up to `through`, in order."""

    def is_followed(self, event: Event, types: Sequence[str]) -> bool:
        """Tell whether the tree of an event has a later event of one of these types."""

    def count_tree(self, root_session_id: SessionId) -> Mapping[SessionStatus, int]:
        """Tell how many sessions of a tree are in each state."""

    def add(self, delivery: Delivery) -> None:
        """Write a new delivery; nothing if the webhook has one for the same event and news."""

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """Read one delivery."""

    def due(self, name: str, now: datetime, limit: int) -> Sequence[Delivery]:
        """Read deliveries of a webhook that are due, the longest first."""

    def next_due(self, name: str) -> datetime | None:
        """Tell when a delivery of a webhook is due next."""

    def change(self, delivery: Delivery, changes: DeliveryChanges) -> Delivery | None:
        """Change a delivery if its status, its attempts and its time are as read; nothing if not."""

    def page(self, wanted: DeliveryFilter) -> Sequence[Delivery]:
        """Read one page of a list, newest first."""

    def count_pending(self, name: str) -> int:
        """Tell how many deliveries of a webhook are on their way."""

    def forget(self, settled_before: datetime) -> int:
        """Remove the deliveries that were over before a moment, and tell how many."""
