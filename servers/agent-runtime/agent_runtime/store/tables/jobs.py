"""The tables of the jobs and of what belongs to them. The database refuses rows that make no sense: see the CHECKs."""

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
    String,
    Table,
    Text,
    false,
    text,
)

from agent_runtime.store.tables.columns import Id, JsonText, Moment, Serial, metadata, usage_columns

lanes = Table(
    "lanes",
    metadata,
    # Jobs that exactly the same launchers may run stand in one lane, so that a claim looks at the heads of
    # a few lanes and never walks past the jobs of others.
    Column("id", Serial, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("labels", JsonText, nullable=False),
    Column("required_host", Text),
    Column("required_launcher_id", Id),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("agent_name", Text),
    Column("agent_limit", Integer),
    Column("client", Text),
    Column("backend", Text),
    Column("model", Text),
    Column("account", Text),
    Index(
        "lanes_shared",
        "id",
        sqlite_where=text("required_launcher_id IS NULL"),
        postgresql_where=text("required_launcher_id IS NULL"),
    ),
    Index(
        "lanes_of_launcher",
        "required_launcher_id",
        sqlite_where=text("required_launcher_id IS NOT NULL"),
        postgresql_where=text("required_launcher_id IS NOT NULL"),
    ),
    Index(
        "lanes_of_agent",
        "agent_name",
        sqlite_where=text("agent_name IS NOT NULL"),
        postgresql_where=text("agent_name IS NOT NULL"),
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("waits_on", String(16)),
    Column("lane_id", ForeignKey("lanes.id"), nullable=False),
    Column("group_name", Text, nullable=False, server_default=text("''")),
    Column("place", BigInteger),
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
    Column("retries", JsonText, nullable=False, server_default=text("'{}'")),
    Column("has_checks", Boolean, nullable=False, server_default=false()),
    Column("questions", JsonText, nullable=False, server_default=text("'{}'")),
    Column("not_before", Moment),
    Column("queue_expires_at", Moment),
    Column("callback", Boolean, nullable=False),
    Column("required_launcher_id", Id),
    Column("required_host", Text),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("losses", Integer, nullable=False, server_default=text("0")),
    Column("token", String(64)),
    Column("launcher_id", Id),
    Column("launcher_epoch", Integer),
    Column("claim_expires_at", Moment),
    Column("reason", String(40)),
    Column("error", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    *usage_columns(),
    Column("stop_requested_at", Moment),
    Column("stop_announced_at", Moment),
    Column("stop_reason", String(40)),
    Column("created_at", Moment, nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("claimed_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("lost_at", Moment),
    Column("run_seconds", Float),
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
        "jobs_in_turn",
        "lane_id",
        "place",
        "id",
        sqlite_where=text("status = 'pending' AND waits_on IS NULL"),
        postgresql_where=text("status = 'pending' AND waits_on IS NULL"),
    ),
    Index(
        "jobs_in_group",
        "lane_id",
        "group_name",
        "place",
        sqlite_where=text("status = 'pending' AND waits_on IS NULL"),
        postgresql_where=text("status = 'pending' AND waits_on IS NULL"),
    ),
    Index(
        "jobs_held_of_agent",
        "agent_name",
        sqlite_where=text("status IN ('claimed','running')"),
        postgresql_where=text("status IN ('claimed','running')"),
    ),
    Index(
        "jobs_pending_of_session",
        "session_id",
        "id",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index("jobs_by_lane", "lane_id", "status"),
    Index(
        "jobs_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
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
    Index(
        "jobs_by_launcher",
        "launcher_id",
        "id",
        sqlite_where=text("launcher_id IS NOT NULL"),
        postgresql_where=text("launcher_id IS NOT NULL"),
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

checks = Table(
    "checks",
    metadata,
    # What is asked of a job's end; apart from its row like the prompt, for a schema may be long.
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content", JsonText, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    # The attempts that were followed by another one; the newest attempt is in the job's own row.
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("launcher_id", Id),
    Column("launcher_epoch", Integer),
    Column("token", String(64)),
    Column("reason", String(40)),
    Column("error", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("claimed_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("run_seconds", Float),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("job_id", Id, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("idempotency_keys_by_job", "job_id"),
    Index("idempotency_keys_by_age", "created_at"),
)

log_chunks = Table(
    "log_chunks",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

told_bytes = Table(
    "told_bytes",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("told", BigInteger, nullable=False),
)
