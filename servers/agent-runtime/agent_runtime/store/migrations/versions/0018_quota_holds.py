"""Accounts whose limit is used up, whose limits the jobs of a lane use, and how often each job is tried again."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, String, Table, Text, text

revision = "0018"
down_revision = "0017"

metadata = MetaData()

Table(
    "quota_holds",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", Text, nullable=False),
    Column("backend", Text, nullable=False),
    Column("model", Text),
    Column("limit_name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("said", Text),
    Column("made_by_job_id", String(40), nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("probe_job_id", String(40)),
    Column("probe_attempt", Integer),
    Column("probe_began_at", BigInteger),
    Column("made_at", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", String(40)),
    CheckConstraint("state IN ('closed','trying','lifted')", name="hold_state"),
    CheckConstraint("(state = 'lifted') = (lifted_at IS NOT NULL)", name="hold_lifted_when"),
    CheckConstraint("state = 'trying' OR probe_job_id IS NULL", name="hold_probe_only_while_trying"),
    Index(
        "quota_holds_open",
        "id",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
    Index(
        "quota_holds_lifted",
        "lifted_at",
        sqlite_where=text("lifted_at IS NOT NULL"),
        postgresql_where=text("lifted_at IS NOT NULL"),
    ),
)


def upgrade() -> None:
    """Make the table, and let what waits already use nobody's limits and be tried as the defaults say."""
    metadata.create_all(op.get_bind())
    for name in ("backend", "model", "account"):
        op.add_column("lanes", Column(name, Text))
    op.add_column("jobs", Column("retries", Text, nullable=False, server_default=text("'{}'")))
