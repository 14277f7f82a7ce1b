"""What holds for the questions of one job, where that is other than what its agent says."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Let what is there already say nothing of its own."""
    op.add_column("jobs", Column("questions", Text, nullable=False, server_default=text("'{}'")))
