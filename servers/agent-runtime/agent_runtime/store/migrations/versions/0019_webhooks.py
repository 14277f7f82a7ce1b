"""Webhooks, and the news on its way to them."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

revision = "0019"
down_revision = "0018"

metadata = MetaData()
_IS_PENDING = text("status = 'pending'")

Table(
    "webhooks",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("url", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("secret", Text),
    Column("news", Text, nullable=False),
    Column("through_seq", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    CheckConstraint("format IN ('json','slack','ntfy')", name="webhook_format"),
)

Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("webhook_name", String(60), ForeignKey("webhooks.name", ondelete="CASCADE"), nullable=False),
    Column("news", String(40), nullable=False),
    Column("event_seq", BigInteger),
    Column("happened_at", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Column("tried_at", BigInteger),
    Column("answered", Integer),
    Column("error", Text),
    Column("settled_at", BigInteger),
    CheckConstraint("status IN ('pending','delivered','failed')", name="delivery_status"),
    CheckConstraint("(status = 'pending') = (next_at IS NOT NULL)", name="delivery_due"),
    CheckConstraint("(status = 'pending') = (settled_at IS NULL)", name="delivery_settled"),
    UniqueConstraint("webhook_name", "event_seq", "news", name="deliveries_once"),
    Index("deliveries_by_webhook", "webhook_name", "id"),
    Index("deliveries_due", "webhook_name", "next_at", sqlite_where=_IS_PENDING, postgresql_where=_IS_PENDING),
    Index("deliveries_settled", "settled_at"),
    Index("deliveries_by_status", "status"),
)


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind())
