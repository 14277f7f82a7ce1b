"""The table of what agents asked."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from agent_runtime.store.tables.columns import Id, JsonText, Moment, metadata

_IS_OPEN = text("status = 'open'")

questions = Table(
    "questions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("session_id", Id, nullable=False),
    Column("session_name", String(60), nullable=False),
    Column("root_session_id", Id, nullable=False),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("text", Text),
    Column("tool", Text),
    Column("input", JsonText),
    Column("diff", Text),
    Column("choices", JsonText),
    Column("other_words", Boolean, nullable=False),
    Column("form", JsonText),
    Column("parents_part", String(16), nullable=False),
    Column("at_expiry", String(16), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("answer", JsonText),
    Column("answered_by", Text),
    Column("taken_at", Moment),
    CheckConstraint("kind IN ('permission','choice','text','form')", name="question_kind"),
    CheckConstraint("status IN ('open','answered','withdrawn','expired')", name="question_status"),
    CheckConstraint("parents_part IN ('nothing','told','may_answer')", name="question_parents_part"),
    CheckConstraint("at_expiry IN ('deny','allow','stop')", name="question_at_expiry"),
    CheckConstraint("(status = 'open') = (settled_at IS NULL)", name="question_settled"),
    CheckConstraint("status != 'answered' OR answered_by IS NOT NULL", name="question_answered_by"),
    CheckConstraint("taken_at IS NULL OR status IN ('answered','expired')", name="question_taken"),
    # What is asked once more by a call that never heard our answer is the same question.
    Index("questions_once", "job_id", "call_id", unique=True),
    Index("questions_by_session", "session_id", "id"),
    Index("questions_by_root", "root_session_id", "id"),
    Index("questions_open", "id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    Index("questions_overdue", "expires_at", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)
