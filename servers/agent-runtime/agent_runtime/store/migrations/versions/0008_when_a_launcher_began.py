"""When the process of a launcher began, so that a late word of an earlier one is known as that."""

from alembic import op
from sqlalchemy import Column, Float

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; of the processes so far it is not known."""
    op.add_column("launchers", Column("instance_began", Float))
