"""The table of the launchers."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index, Integer, String, Table, Text, false, text

from agent_runtime.store.tables.columns import Id, JsonText, Moment, metadata

launchers = Table(
    "launchers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hostname", Text, nullable=False),
    Column("boot_id", Text),
    Column("version", Text),
    Column("labels", JsonText, nullable=False),
    Column("max_jobs", Integer),
    Column("backends", JsonText, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("refusal", String(40)),
    Column("registered_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("poll_dropped_at", Moment),
    Column("only_own_jobs", Boolean, nullable=False, server_default=false()),
    Column("instance_id", Text),
    Column("instance_calls", Integer, nullable=False, server_default=text("0")),
    Column("past_instances", Text, nullable=False, server_default=text("''")),
    Column("instance_began", Float),
    Column("clients", JsonText),
    Column("is_asked", Boolean, nullable=False, server_default=false()),
    CheckConstraint("status IN ('alive','lost','gone')", name="launcher_status"),
    Index(
        "launchers_present",
        "id",
        sqlite_where=text("status != 'gone'"),
        postgresql_where=text("status != 'gone'"),
    ),
    Index(
        "launchers_by_instance",
        "instance_id",
        sqlite_where=text("instance_id IS NOT NULL"),
        postgresql_where=text("instance_id IS NOT NULL"),
    ),
)
