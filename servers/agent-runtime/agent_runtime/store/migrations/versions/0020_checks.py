"""What is asked of the ends of jobs, and the results that have a shape."""

from alembic import op
from sqlalchemy import Boolean, Column, ForeignKey, MetaData, String, Table, Text, false

revision = "0020"
down_revision = "0019"

metadata = MetaData()

jobs = Table("jobs", metadata, Column("id", String(40), primary_key=True))
checks = Table(
    "checks",
    metadata,
    Column("job_id", String(40), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
)


def upgrade() -> None:
    """Make the table; of what there is already, nothing is asked."""
    checks.create(op.get_bind())
    op.add_column("jobs", Column("has_checks", Boolean, nullable=False, server_default=false()))
    op.add_column("sessions", Column("output", Text))
