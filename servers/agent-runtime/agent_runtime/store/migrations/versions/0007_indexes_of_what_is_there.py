"""Finds what is open, and whose it is, without looking at what is over."""

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"

_INDEXES = (
    ("callbacks_pending", "callbacks", ["id"], "state = 'pending'"),
    ("launchers_present", "launchers", ["id"], "status != 'gone'"),
    ("launchers_by_instance", "launchers", ["instance_id"], "instance_id IS NOT NULL"),
    ("jobs_by_launcher", "jobs", ["launcher_id", "id"], "launcher_id IS NOT NULL"),
)


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns, condition in _INDEXES:
        op.create_index(name, table, columns, sqlite_where=text(condition), postgresql_where=text(condition))
