"""Which process of a launcher registered, so that the same registration heard twice is no second life."""

from alembic import op
from sqlalchemy import Column, Integer, Text, text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; of the launchers so far no process is known."""
    op.add_column("launchers", Column("instance_id", Text))
    op.add_column("launchers", Column("instance_calls", Integer, nullable=False, server_default=text("0")))
    op.add_column("launchers", Column("past_instances", Text, nullable=False, server_default=text("''")))
