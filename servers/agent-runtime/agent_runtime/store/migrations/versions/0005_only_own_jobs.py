"""What a launcher says that takes only jobs that name it, as a command typed by a person does."""

from alembic import op
from sqlalchemy import Boolean, Column, false

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; every launcher so far took any job."""
    op.add_column("launchers", Column("only_own_jobs", Boolean, nullable=False, server_default=false()))
