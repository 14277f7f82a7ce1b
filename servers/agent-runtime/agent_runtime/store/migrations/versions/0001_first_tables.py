"""The first tables, as they were; `store/tables/work.py` says what they are now."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from agent_runtime.store.tables.columns import JsonText, Moment

revision = "0001"
down_revision = None

metadata = MetaData()

_Id = String(40)
# SQLite numbers rows by itself only for a column of exactly this type.
_Serial = BigInteger().with_variant(Integer(), "sqlite")


def _usage() -> list[Column[int] | Column[float]]:
    counts = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    columns: list[Column[int] | Column[float]] = [
        Column(name, BigInteger, nullable=False, server_default=text("0")) for name in counts
    ]
    return [*columns, Column("cost_usd", Float, nullable=False, server_default=text("0"))]


lanes = Table(
    "lanes",
    metadata,
    # Jobs that exactly the same launchers may run stand in one lane, so that a claim looks at the heads of
    # a few lanes and never walks past the jobs of others.
    Column("id", _Serial, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("labels", JsonText, nullable=False),
    Column("required_host", Text),
    Column("required_launcher_id", _Id),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("agent_name", Text, nullable=False),
    Column("backend", Text),
    Column("backend_session_id", Text),
    Column("status", String(16), nullable=False),
    Column("project_dir", Text),
    Column("hostname", Text),
    Column("launcher_id", _Id),
    # Not a foreign key: a parent may be deleted while its children stay, and they keep saying whose they were.
    Column("parent_session_id", _Id),
    Column("parent_session_name", String(60)),
    Column("root_session_id", _Id, nullable=False),
    Column("depth", Integer, nullable=False, server_default=text("0")),
    Column("current_job_id", _Id),
    Column("result", Text),
    Column("metadata", JsonText, nullable=False),
    *_usage(),
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

jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("waits_on", String(16)),
    Column("lane_id", ForeignKey("lanes.id"), nullable=False),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("session_name", String(60), nullable=False),
    Column("agent_name", Text, nullable=False),
    Column("prompt_preview", Text, nullable=False),
    Column("project_dir", Text),
    Column("parent_session_name", String(60)),
    Column("labels", JsonText, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("timeout_seconds", Float),
    Column("stop_grace_seconds", Float, nullable=False),
    Column("if_busy", String(16), nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("rerun_lost", Integer, nullable=False),
    Column("not_before", Moment),
    Column("queue_expires_at", Moment),
    Column("callback", Boolean, nullable=False),
    Column("required_launcher_id", _Id),
    Column("required_host", Text),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("losses", Integer, nullable=False, server_default=text("0")),
    Column("token", String(64)),
    Column("launcher_id", _Id),
    Column("launcher_epoch", Integer),
    Column("claim_expires_at", Moment),
    Column("reason", String(40)),
    Column("error", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    *_usage(),
    Column("stop_requested_at", Moment),
    Column("stop_announced_at", Moment),
    Column("stop_reason", String(40)),
    Column("created_at", Moment, nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("claimed_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("lost_at", Moment),
    Column("log_bytes", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint(
        "status IN ('pending','claimed','running','completed','failed','stopped','lost')", name="job_status"
    ),
    CheckConstraint(
        "(status IN ('completed','failed','stopped')) = (ended_at IS NOT NULL)", name="job_ends_when_it_ends"
    ),
    CheckConstraint(
        "status NOT IN ('claimed','running','lost') OR (launcher_id IS NOT NULL AND token IS NOT NULL)",
        name="job_held_by_a_launcher",
    ),
    CheckConstraint("status != 'claimed' OR claim_expires_at IS NOT NULL", name="job_claim_expires"),
    CheckConstraint("status NOT IN ('running','lost') OR started_at IS NOT NULL", name="job_running_has_started"),
    CheckConstraint("(status = 'lost') = (lost_at IS NOT NULL)", name="job_lost_since"),
    CheckConstraint("status = 'pending' OR waits_on IS NULL", name="job_only_pending_waits"),
    CheckConstraint("attempt >= 0 AND tries >= 0 AND losses >= 0", name="job_counts"),
    Index(
        "jobs_ready",
        "lane_id",
        text("priority DESC"),
        "id",
        sqlite_where=text("status = 'pending' AND waits_on IS NULL"),
        postgresql_where=text("status = 'pending' AND waits_on IS NULL"),
    ),
    Index(
        "jobs_one_at_a_time",
        "session_id",
        unique=True,
        sqlite_where=text("status IN ('claimed','running','lost')"),
        postgresql_where=text("status IN ('claimed','running','lost')"),
    ),
    Index(
        "jobs_held",
        "launcher_id",
        "status",
        sqlite_where=text("status IN ('claimed','running','lost')"),
        postgresql_where=text("status IN ('claimed','running','lost')"),
    ),
    Index(
        "jobs_stopping",
        "launcher_id",
        sqlite_where=text("stop_requested_at IS NOT NULL AND status IN ('running','lost')"),
        postgresql_where=text("stop_requested_at IS NOT NULL AND status IN ('running','lost')"),
    ),
    Index(
        "jobs_claim_expires",
        "claim_expires_at",
        sqlite_where=text("claim_expires_at IS NOT NULL"),
        postgresql_where=text("claim_expires_at IS NOT NULL"),
    ),
    Index(
        "jobs_lost",
        "lost_at",
        sqlite_where=text("lost_at IS NOT NULL"),
        postgresql_where=text("lost_at IS NOT NULL"),
    ),
    Index(
        "jobs_queue_expires",
        "queue_expires_at",
        sqlite_where=text("status = 'pending' AND queue_expires_at IS NOT NULL"),
        postgresql_where=text("status = 'pending' AND queue_expires_at IS NOT NULL"),
    ),
    Index(
        "jobs_waiting",
        "waits_on",
        "not_before",
        sqlite_where=text("status = 'pending' AND waits_on IS NOT NULL"),
        postgresql_where=text("status = 'pending' AND waits_on IS NOT NULL"),
    ),
    Index("jobs_by_session", "session_id", "id"),
    Index("jobs_by_status", "status", "id"),
)

prompts = Table(
    "prompts",
    metadata,
    # Apart from the job's row, which is written several times in a job's life: a prompt may be megabytes.
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    # The attempts that were followed by another one; the newest attempt is in the job's own row.
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("launcher_id", _Id),
    Column("launcher_epoch", Integer),
    Column("token", String(64)),
    Column("reason", String(40)),
    Column("error", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("claimed_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
)

launchers = Table(
    "launchers",
    metadata,
    Column("id", _Id, primary_key=True),
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
    CheckConstraint("status IN ('alive','lost','gone')", name="launcher_status"),
)

events = Table(
    "events",
    metadata,
    Column("seq", _Serial, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("session_id", _Id),
    Column("session_name", String(60)),
    Column("root_session_id", _Id),
    Column("job_id", _Id),
    Column("attempt", Integer),
    Column("client_event_id", String(80)),
    Column("data", JsonText, nullable=False),
    UniqueConstraint("session_id", "client_event_id", name="events_once"),
    Index("events_by_session", "session_id", "seq"),
    sqlite_autoincrement=True,  # A sequence number is never given twice, even after the newest row was pruned.
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("job_id", _Id, nullable=False),
    Column("created_at", Moment, nullable=False),
)

log_chunks = Table(
    "log_chunks",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)


def upgrade() -> None:
    """Make them."""
    metadata.create_all(op.get_bind())
