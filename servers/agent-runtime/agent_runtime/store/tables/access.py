"""The tables of who may call, and of who did what."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text

from agent_runtime.store.tables.columns import Id, Moment, Serial, metadata

credentials = Table(
    "credentials",
    metadata,
    # Named tokens, login links and browsers that are logged in: only the hash of each secret is kept.
    Column("id", Id, primary_key=True),
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
    # Which named token registered a launcher; without a row it was the user's own.
    Column("launcher_id", Id, primary_key=True),
    Column("owner", String(60), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # The database itself refuses to change or remove a row.
    Column("seq", Serial, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("role", String(16)),
    Column("caller", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("status", Integer, nullable=False),
    sqlite_autoincrement=True,
)

secrets = Table(
    "secrets",
    metadata,
    # What all runtimes of a shared database must agree on: the user's token, and the key of session tokens.
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
