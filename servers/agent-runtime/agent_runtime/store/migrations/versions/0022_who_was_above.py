"""Who was above a session when it began: a deletion further up takes no rule away."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Let sessions that are there already look upwards as before."""
    op.add_column("sessions", Column("elders", Text))
