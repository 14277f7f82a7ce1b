"""How much an attempt has told of what it does."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "told_bytes",
        Column("job_id", String(40), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        Column("attempt", Integer, primary_key=True),
        Column("told", BigInteger, nullable=False),
    )
