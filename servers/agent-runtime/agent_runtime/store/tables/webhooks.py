"""The tables of the webhooks and of the news on its way to them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from agent_runtime.store.tables.columns import Id, JsonText, Moment, metadata

_IS_PENDING = text("status = 'pending'")

webhooks = Table(
    "webhooks",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("url", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("secret", Text),
    Column("news", JsonText, nullable=False),
    Column("through_seq", BigInteger, nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("format IN ('json','slack','ntfy')", name="webhook_format"),
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_name", ForeignKey("webhooks.name", ondelete="CASCADE"), nullable=False),
    Column("news", String(40), nullable=False),
    # Not a foreign key: events go when they are old, and sessions may be deleted.
    Column("event_seq", BigInteger),
    Column("happened_at", Moment, nullable=False),
    Column("data", JsonText, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("next_at", Moment),
    Column("tried_at", Moment),
    Column("answered", Integer),
    Column("error", Text),
    Column("settled_at", Moment),
    CheckConstraint("status IN ('pending','delivered','failed')", name="delivery_status"),
    CheckConstraint("(status = 'pending') = (next_at IS NOT NULL)", name="delivery_due"),
    CheckConstraint("(status = 'pending') = (settled_at IS NULL)", name="delivery_settled"),
    # Who reads the events once more, because the last one to do so died, tells nothing twice.
    UniqueConstraint("webhook_name", "event_seq", "news", name="deliveries_once"),
    Index("deliveries_by_webhook", "webhook_name", "id"),
    Index("deliveries_due", "webhook_name", "next_at", sqlite_where=_IS_PENDING, postgresql_where=_IS_PENDING),
    Index("deliveries_settled", "settled_at"),
    Index("deliveries_by_status", "status"),
)
