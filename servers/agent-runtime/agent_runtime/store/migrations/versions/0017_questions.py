"""What agents ask of people while they work."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

revision = "0017"
down_revision = "0016"

metadata = MetaData()
_IS_OPEN = text("status = 'open'")

jobs = Table("jobs", metadata, Column("id", String(40), primary_key=True))
questions = Table(
    "questions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("session_id", String(40), nullable=False),
    Column("session_name", String(60), nullable=False),
    Column("root_session_id", String(40), nullable=False),
    Column("job_id", String(40), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("text", Text),
    Column("tool", Text),
    Column("input", Text),
    Column("diff", Text),
    Column("choices", Text),
    Column("other_words", Boolean, nullable=False),
    Column("form", Text),
    Column("parents_part", String(16), nullable=False),
    Column("at_expiry", String(16), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("answer", Text),
    Column("answered_by", Text),
    Column("taken_at", BigInteger),
    CheckConstraint("kind IN ('permission','choice','text','form')", name="question_kind"),
    CheckConstraint("status IN ('open','answered','withdrawn','expired')", name="question_status"),
    CheckConstraint("parents_part IN ('nothing','told','may_answer')", name="question_parents_part"),
    CheckConstraint("at_expiry IN ('deny','allow','stop')", name="question_at_expiry"),
    CheckConstraint("(status = 'open') = (settled_at IS NULL)", name="question_settled"),
    CheckConstraint("status != 'answered' OR answered_by IS NOT NULL", name="question_answered_by"),
    CheckConstraint("taken_at IS NULL OR status IN ('answered','expired')", name="question_taken"),
    Index("questions_once", "job_id", "call_id", unique=True),
    Index("questions_by_session", "session_id", "id"),
    Index("questions_by_root", "root_session_id", "id"),
    Index("questions_open", "id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    Index("questions_overdue", "expires_at", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)


def upgrade() -> None:
    """Make the table."""
    questions.create(op.get_bind())
