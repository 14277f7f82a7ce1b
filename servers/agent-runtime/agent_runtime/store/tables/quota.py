"""The table of the quota holds."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text, text

from agent_runtime.store.tables.columns import Id, Moment, metadata

quota_holds = Table(
    "quota_holds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", Text, nullable=False),
    Column("backend", Text, nullable=False),
    Column("model", Text),
    Column("limit_name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("until", Moment, nullable=False),
    Column("said", Text),
    Column("made_by_job_id", Id, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("probe_job_id", Id),
    Column("probe_attempt", Integer),
    Column("probe_began_at", Moment),
    Column("made_at", Moment, nullable=False),
    Column("lifted_at", Moment),
    Column("lifted_by", String(40)),
    CheckConstraint("state IN ('closed','trying','lifted')", name="hold_state"),
    CheckConstraint("(state = 'lifted') = (lifted_at IS NOT NULL)", name="hold_lifted_when"),
    CheckConstraint("state = 'trying' OR probe_job_id IS NULL", name="hold_probe_only_while_trying"),
    Index(
        "quota_holds_open",
        "id",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
    Index(
        "quota_holds_lifted",
        "lifted_at",
        sqlite_where=text("lifted_at IS NOT NULL"),
        postgresql_where=text("lifted_at IS NOT NULL"),
    ),
)
