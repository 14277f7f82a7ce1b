"""The table of what launchers are asked about folders; it is empty unless somebody waits."""

from sqlalchemy import Boolean, Column, Index, Table, Text, false

from agent_runtime.store.tables.columns import Id, JsonText, Moment, metadata

inquiries = Table(
    "inquiries",
    metadata,
    Column("id", Id, primary_key=True),
    # Not a foreign key: who asks is told in words that a launcher has left.
    Column("launcher_id", Id, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("project_dir", Text, nullable=False),
    Column("since_commit", Text, nullable=False),
    Column("until_commit", Text),
    Column("is_given", Boolean, nullable=False, server_default=false()),
    Column("answer", JsonText),
    Index("inquiries_of_launcher", "launcher_id"),
)
