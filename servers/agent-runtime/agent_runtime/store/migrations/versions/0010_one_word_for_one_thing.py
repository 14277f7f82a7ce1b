"""A job has a place in its lane, no turn; the events of callbacks say their reason, no why."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Rename the columns, and the key in the events that are there."""
    op.execute("ALTER TABLE jobs RENAME COLUMN turn TO place")
    op.execute("ALTER TABLE callbacks RENAME COLUMN why TO state_reason")
    # Inside of a text of JSON a quote stands behind a backslash, so this finds the key and nothing else.
    op.execute("""UPDATE events SET data = replace(data, '"why":', '"reason":') WHERE type LIKE 'callback.%'""")
