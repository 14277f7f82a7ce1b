"""Up to which event some are gone because they were old; of earlier prunings, what the oldest event says."""

from alembic import op
from sqlalchemy import BigInteger, Column, MetaData, String, Table, text

revision = "0012"
down_revision = "0011"

metadata = MetaData()

pruned_events = Table(
    "pruned_events",
    metadata,
    Column("session_id", String(40), primary_key=True),
    Column("through_seq", BigInteger, nullable=False),
)


def upgrade() -> None:
    """Make the table."""
    connection = op.get_bind()
    metadata.create_all(connection)
    oldest = connection.execute(text("SELECT min(seq) FROM events")).scalar()
    if oldest is not None and oldest > 1:
        connection.execute(pruned_events.insert().values(session_id="", through_seq=oldest - 1))
