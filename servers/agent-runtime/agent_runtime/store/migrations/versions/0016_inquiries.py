"""What launchers are asked about folders, and which launcher has something to be asked."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text, false

revision = "0016"
down_revision = "0015"

metadata = MetaData()

inquiries = Table(
    "inquiries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("launcher_id", String(40), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("project_dir", Text, nullable=False),
    Column("since_commit", Text, nullable=False),
    Column("until_commit", Text),
    Column("is_given", Boolean, nullable=False, server_default=false()),
    Column("answer", Text),
    Index("inquiries_of_launcher", "launcher_id"),
)


def upgrade() -> None:
    """Make the table and the mark; nobody is asked anything yet."""
    metadata.create_all(op.get_bind())
    op.add_column("launchers", Column("is_asked", Boolean, nullable=False, server_default=false()))
