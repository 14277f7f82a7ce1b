"""Opens the shared database: brings it up to date, or refuses it and touches nothing."""

from collections.abc import Callable

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.services.ports.store import Announcer
from agent_runtime.store.clock import Clock
from agent_runtime.store.migrate import check_tables, check_version, migrate, newest_version, version_of
from agent_runtime.store.postgres.connection import conninfo_of, engine_for, place_of
from agent_runtime.store.postgres.store import PostgresStore

SERVER_VERSION_MIN = 130000
"""From 13 on, what became of a transaction can be asked by its full number."""
_MIGRATION_LOCK = 0x41474E54_00000001


def open_postgres(
    url: str, random_bytes: RandomBytes, announce: Announcer, clock: Clock | None = None
) -> PostgresStore:
    """Open the database at a URL, made fit for use before.

    Errors:  Unusable, as `prepare_postgres`.
    """
    prepare_postgres(url)
    store = PostgresStore(url, random_bytes, announce, clock)
    store.open()
    return store


def prepare_postgres(url: str) -> None:
    """Make a database fit for use; runtimes that start at the same moment do it one after the other.

    Errors:  Unusable, if it cannot be reached, is too old, or was written by a newer version of this program.
    """
    _with_connection(url, _bring_up_to_date)


def shared_secret(url: str, name: str, own: Callable[[], str]) -> str:
    """Give a secret that is the same for all runtimes of a database; the first one brings its own.

    Errors:  Unusable, if the database cannot be reached.
    """
    found: list[str] = []

    def agree(connection: Connection, _place: str) -> None:
        connection.execute(
            text("INSERT INTO secrets (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING"),
            {"name": name, "value": own()},
        )
        row = connection.execute(text("SELECT value FROM secrets WHERE name = :name"), {"name": name}).one()
        found.append(str(row[0]))

    _with_connection(url, agree)
    return found[0]


def server_version(url: str) -> str:
    """Name the server's version."""
    found: list[str] = []

    def ask(connection: Connection, _place: str) -> None:
        found.append(str(connection.execute(text("SHOW server_version")).scalar()).partition(" ")[0])

    _with_connection(url, ask)
    return found[0]


def _with_connection(url: str, work: Callable[[Connection, str], None]) -> None:
    conninfo = conninfo_of(url)
    place = place_of(conninfo)
    engine = engine_for(conninfo)
    try:
        with engine.connect() as connection:
            work(connection, place)
    except (DBAPIError, psycopg.Error) as error:
        met = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        lines = str(met).strip().splitlines() or ["no reason given"]
        raise Unusable(
            "database_unreachable", f"cannot use the database {place}: {lines[0][:300]} ({_advice(met)})"
        ) from error
    finally:
        engine.dispose()


def _advice(error: BaseException) -> str:
    code = getattr(error, "sqlstate", None)
    # A connection that is not even made, as it could only read, has no code.
    if code == "25006" or "session is read-only" in str(error):
        return "it takes no writes: it is a standby, or its role or database is set to read only"
    if code == "42501":
        return "its role has to own the tables, or be allowed to write them and to make new ones in the schema"
    return "check the database URL, and that the server runs"


def _bring_up_to_date(connection: Connection, place: str) -> None:
    found = int(str(connection.execute(text("SHOW server_version_num")).scalar()))
    if found < SERVER_VERSION_MIN:
        raise Unusable(
            "database_too_old",
            f"cannot use the database {place}: PostgreSQL 13 or newer is needed, found {found // 10000}",
        )
    check_version(version_of(connection), place)
    if version_of(connection) == newest_version():
        check_tables(connection, place)
        return
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql("SET LOCAL lock_timeout = '30s'")
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    # Another runtime may have done it, or gone further than we know, while we waited for the lock.
    check_version(version_of(connection), place)
    migrate(connection)
    connection.exec_driver_sql("COMMIT")
