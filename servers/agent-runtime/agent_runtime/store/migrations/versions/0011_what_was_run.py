"""How long attempts ran, by the clock of whoever ran them; of those so far it is what their times say."""

from alembic import op
from sqlalchemy import Column, Float

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns."""
    for table in ("jobs", "attempts"):
        op.add_column(table, Column("run_seconds", Float))
