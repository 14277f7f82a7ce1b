"""One connection to PostgreSQL: how it is opened, how a transaction on it begins, and what its errors mean."""

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from agent_runtime.domain.errors import Unusable
from agent_runtime.store.postgres.direct_cursor import DirectCursor
from agent_runtime.store.statements import Channel
from agent_runtime.store.tables.columns import moment
from agent_runtime.store.transaction import Tables

# A dead network is noticed within seconds, not after hours; of several hosts, the primary is used.
_NETWORK: Mapping[str, str] = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "target_session_attrs": "read-write",
    "application_name": "agent-runtime",
}
# What the database URL (`options=-c lock_timeout=5s`), the role or the server says of these stays.
_UNLESS_SAID: Mapping[str, str] = {
    # A lock that somebody holds for a minute fails who needs it after this, and nobody behind them waits.
    "lock_timeout": "2s",
    "statement_timeout": "30s",
    # A runtime that is frozen in the middle of a transaction must not stop the others.
    "idle_in_transaction_session_timeout": "10s",
}
_ALWAYS: Mapping[str, str] = {
    # Each question has its index. A plan that was made while a table was small would read all of a large one.
    "enable_seqscan": "off",
    "jit": "off",
    # Nor would it be planned better for the values of one time than for all.
    "plan_cache_mode": "force_generic_plan",
}
_SET = """
SELECT set_config(name, value, false) FROM jsonb_each_text(%s::jsonb) AS ours(name, value)
 WHERE current_setting(name) = '0'
UNION ALL
SELECT set_config(name, value, false) FROM jsonb_each_text(%s::jsonb) AS ours(name, value)
UNION ALL
-- We acknowledge only what is on disk, whatever the server's default is; a stricter one stays.
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
_OWN_WORD = """
SELECT pg_logical_emit_message(true, 'agent-runtime', '') WHERE current_setting('synchronous_standby_names') <> ''
"""
# A standby that takes over begins a line of its own.
_TIMELINE = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Not READ WRITE: that would write into a database that somebody has made read-only (default_transaction_read_only).
_BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
# Small changes may still be taken where none can grow: a megabyte of new pages shows that there is room.
_TRY_ROOM = "; ".join(
    (
        _BEGIN_WRITING,
        "CREATE TEMPORARY TABLE room AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)",
        "ROLLBACK",
    )
)
# Not `now()`: who has waited for a connection or a lock would be given a time from before the wait.
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class Meaning(Enum):
    """What an error of the database says about the work that met it."""

    TRY_AGAIN = auto()
    """Nothing was committed, and the same work may succeed now: somebody else was in the way."""
    CONNECTION_LOST = auto()
    """The connection is of no use any more."""
    OURS = auto()
    """The statement itself is wrong."""


_IN_THE_WAY = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    # Somebody made the same thing, or removed what this refers to, after it was looked for: looking again tells.
    psycopg.errors.UniqueViolation,
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.InsufficientResources,
)
_UNFIT_SERVER = (
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.OperatorIntervention,
    # Somebody on the way has dropped what was prepared; a new connection prepares it anew.
    psycopg.errors.InvalidSqlStatementName,
)


def met_by_driver(error: BaseException | None) -> BaseException | None:
    """Return what the database itself said, where it stands inside of another error."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, psycopg.Error) else error


def meaning_of(error: Exception, connection: psycopg.Connection[object] | None) -> Meaning:
    """Tell what became of the work when this happened before its commit."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Meaning.TRY_AGAIN
    if isinstance(error, _UNFIT_SERVER) or connection is None or connection.closed or connection.broken:
        return Meaning.CONNECTION_LOST
    if isinstance(error, _IN_THE_WAY):
        return Meaning.TRY_AGAIN
    return Meaning.CONNECTION_LOST if isinstance(error, psycopg.OperationalError) else Meaning.OURS


class PostgresConnection:
    """One open connection, used by one thread at a time."""

    def __init__(self, engine: Engine, *, writes: bool) -> None:
        self._connection: Connection = engine.connect()
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        self.driver: psycopg.Connection[object] = driver
        self._begin = f"{_BEGIN_WRITING if writes else _BEGIN_READING}; {_CLOCK}"
        self._cursor = DirectCursor(driver)
        self.tables = Tables(self._connection, Channel(self._connection, is_shared=writes, cursor=self._cursor))
        self.timeline = _timeline_of(driver) if writes else None
        self._warnings: list[str] = []
        driver.add_notice_handler(self._note)

    def begin(self) -> datetime:
        """Begin a transaction, and tell the database's time."""
        self._cursor.execute(self._begin)
        row = self._cursor.fetchone()
        assert row is not None, "a clock gives a time"
        return moment(row[0])

    def try_room(self) -> None:
        """Write so much, and take it back, that a database which takes it is not full.

        Errors:  psycopg.Error.
        """
        # Not through the driver: at a ROLLBACK that it sees it drops all prepared statements, ours among them.
        self._cursor.execute(_TRY_ROOM)

    def stand_behind_others(self) -> None:
        """Let the commit of a transaction that changed nothing wait as long as theirs whose changes it saw.

        Its answer may repeat an earlier one, which was given up while a standby did not have it: a word in the log of
        its own makes the server wait for all before it.
        """
        self._cursor.execute(_OWN_WORD)

    def commit(self) -> str | None:
        """Commit, and tell what the server warned of: it then took the transaction, but does not vouch for it."""
        self._warnings.clear()
        self.tables.channel.command("COMMIT")
        return self._warnings[0] if self._warnings else None

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "no reason given")

    def hang_up(self) -> None:
        """End it under a thread that waits for the server's word, which then hears that there will be none."""
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        self._connection.invalidate()
        self._connection.close()
        self.driver.close()


def _timeline_of(driver: psycopg.Connection[object]) -> object:
    """Name the line of history that a server writes; nothing if it keeps none that can be asked for."""
    try:
        found = driver.execute(_TIMELINE).fetchone()
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege):
        return None
    return found[0] if isinstance(found, tuple) else None


def engine_for(conninfo: str, *, writes: bool = True) -> Engine:
    """Describe how connections are opened; none is opened yet.

    Shape:   autocommit: the transactions are begun and ended by hand.
    """
    own = conninfo if writes else _for_reading(conninfo)

    def connect() -> psycopg.Connection[object]:
        return open_connection(own)

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=NullPool,
        # Whoever closes it has ended its transaction, or wants no more of it; a lost one could not even roll back.
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        use_native_hstore=False,
    )


def _for_reading(conninfo: str) -> str:
    # What one may only read is read on, as long as it is no standby, which may be behind.
    is_ours = conninfo_to_dict(conninfo).get("target_session_attrs") == _NETWORK["target_session_attrs"]
    return make_conninfo(conninfo, target_session_attrs="primary") if is_ours else conninfo


def open_connection(conninfo: str) -> psycopg.Connection[object]:
    """Open one connection, set up as every connection of ours is."""
    connection: psycopg.Connection[object] = psycopg.connect(conninfo, autocommit=True)
    try:
        connection.execute(_SET, (json.dumps(_UNLESS_SAID), json.dumps(_ALWAYS)))
    except BaseException:
        connection.close()
        raise
    return connection


def conninfo_of(url: str) -> str:
    """Read a database URL, and add what every connection of ours has; what the URL says stays.

    Errors:  Unusable, without the URL's password in its sentence.
    """
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    if not plain.startswith(("postgresql://", "postgres://")):
        kind = url.partition("://")[0][:40]
        raise Unusable(
            "database_url_invalid",
            f"cannot use the database URL: it must begin with 'postgresql://', found '{kind}' "
            "(leave it out for the embedded database)",
        )
    try:
        parts = conninfo_to_dict(plain)
    except psycopg.ProgrammingError as error:
        raise Unusable(
            "database_url_invalid",
            "cannot use the database URL: it must look like 'postgresql://user@host/database', found something that "
            "cannot be read (special characters in a password are written with %)",
        ) from error
    return make_conninfo(**{**_NETWORK, **{name: str(value) for name, value in parts.items() if value is not None}})


def place_of(conninfo: str) -> str:
    """Name the database for people: where it is and what it is called, without secrets."""
    parts = conninfo_to_dict(conninfo)
    host = parts.get("host") or "localhost"
    return f"'{parts.get('dbname') or parts.get('user') or 'default'}' on '{host}'"
