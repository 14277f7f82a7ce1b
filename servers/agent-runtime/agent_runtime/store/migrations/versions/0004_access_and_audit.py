"""Who may call, and who did what."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, String, Table, Text

from agent_runtime.store.tables.columns import Moment

revision = "0004"
down_revision = "0003"

_Id = String(40)
metadata = MetaData()

credentials = Table(
    "credentials",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(60), nullable=False),
    Column("role", String(16), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("ended_at", Moment),
    CheckConstraint("kind IN ('token','link','browser')", name="credential_kind"),
    CheckConstraint("role IN ('user','viewer','launcher')", name="credential_role"),
    Index("credentials_by_name", "kind", "name"),
)
launcher_owners = Table(
    "launcher_owners",
    metadata,
    Column("launcher_id", _Id, primary_key=True),
    Column("owner", String(60), nullable=False),
)
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("role", String(16)),
    Column("caller", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("status", Integer, nullable=False),
    sqlite_autoincrement=True,
)

_SQLITE_GUARDS = tuple(
    f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END"
    for act in ("UPDATE", "DELETE")
)
_POSTGRES_GUARDS = (
    """
    CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit only grows'; END $$
    """,
    """
    CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()
    """,
)


def upgrade() -> None:
    """Make the tables, and let the database guard the audit."""
    connection = op.get_bind()
    metadata.create_all(connection)
    for guard in _POSTGRES_GUARDS if connection.dialect.name == "postgresql" else _SQLITE_GUARDS:
        connection.exec_driver_sql(guard)
