"""The tables of the conversations, and of what happened in them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Table, Text, UniqueConstraint, text

from agent_runtime.store.tables.columns import Id, JsonText, Moment, Serial, metadata, usage_columns

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("agent_name", Text, nullable=False),
    Column("backend", Text),
    Column("backend_session_id", Text),
    Column("status", String(16), nullable=False),
    Column("project_dir", Text),
    Column("hostname", Text),
    Column("launcher_id", Id),
    # Not a foreign key: a parent may be deleted while its children stay, and they keep saying whose they were.
    Column("parent_session_id", Id),
    Column("parent_session_name", String(60)),
    Column("root_session_id", Id, nullable=False),
    Column("depth", Integer, nullable=False, server_default=text("0")),
    # Kept here because those above may be deleted, and what they were not allowed must not be with them.
    Column("elders", JsonText),
    Column("current_job_id", Id),
    Column("result", Text),
    Column("output", JsonText),
    Column("metadata", JsonText, nullable=False),
    *usage_columns(),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("last_event_at", Moment),
    CheckConstraint(
        "status IN ('pending','running','waiting_input','waiting','finished','failed','stopped','lost')",
        name="session_status",
    ),
    Index("sessions_by_parent", "parent_session_id"),
    Index("sessions_by_root", "root_session_id"),
    Index("sessions_by_status", "status", "id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("session_id", Id),
    Column("session_name", String(60)),
    Column("root_session_id", Id),
    Column("job_id", Id),
    Column("attempt", Integer),
    Column("client_event_id", String(80)),
    Column("data", JsonText, nullable=False),
    UniqueConstraint("session_id", "client_event_id", name="events_once"),
    Index("events_by_session", "session_id", "seq"),
    Index("events_by_time", "at"),
    sqlite_autoincrement=True,  # A sequence number is never given twice, even after the newest row was pruned.
)

pruned_events = Table(
    "pruned_events",
    metadata,
    # Whose events they were; empty in the row of all events together.
    Column("session_id", Id, primary_key=True),
    Column("through_seq", BigInteger, nullable=False),
)
