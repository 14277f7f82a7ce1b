"""Which clients a launcher has, and which one the jobs of a lane need."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns: launchers so far said nothing, and what waits already may go to any of them."""
    op.add_column("launchers", Column("clients", Text))
    op.add_column("lanes", Column("client", Text))
