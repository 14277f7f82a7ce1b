"""Finds the lanes that a launcher may serve without looking at those of launchers that are gone."""

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"

_INDEXES = (
    ("lanes_shared", "id", "required_launcher_id IS NULL"),
    ("lanes_of_launcher", "required_launcher_id", "required_launcher_id IS NOT NULL"),
    ("lanes_of_agent", "agent_name", "agent_name IS NOT NULL"),
)


def upgrade() -> None:
    """Add the indexes."""
    for name, column, condition in _INDEXES:
        op.create_index(name, "lanes", [column], sqlite_where=text(condition), postgresql_where=text(condition))
