"""Opens the embedded database: makes it, brings it up to date, or refuses it and touches nothing."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.services.ports.store import Announcer
from agent_runtime.store.clock import Clock
from agent_runtime.store.migrate import check_tables, check_version, migrate, newest_version, version_of
from agent_runtime.store.sqlite.refusals import remedy_of
from agent_runtime.store.sqlite.store import SqliteStore, sqlite_engine

APPLICATION_ID = 0x41474E54
"""What stands in the file's head, so that a file of another program is known without being opened."""

_MAGIC = b"SQLite format 3\x00"
_HEAD_BYTES = 100
_APPLICATION_ID_AT = 68
# Beyond this, reading the whole file would make a start take longer than people wait.
_CHECKED_BYTES_MAX = 512 * 1024 * 1024


def open_sqlite(path: Path, clock: Clock, random_bytes: RandomBytes, announce: Announcer) -> SqliteStore:
    """Open the database in a file, made fit for use before.

    Errors:  Unusable, as `prepare_sqlite`.
    """
    prepare_sqlite(path)
    store = SqliteStore(path, clock, random_bytes, announce)
    try:
        store.open()
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise _unfit(path, error) from error
    return store


def prepare_sqlite(path: Path) -> None:
    """Make a database file fit for use; one that is not there or is empty is made.

    Errors:  Unusable, if the file is damaged, of another program, or written by a newer version of this one.
    """
    try:
        if not path.exists() or path.stat().st_size == 0:
            _refuse_orphaned_log(path)
            _create(path)
        else:
            _check_head(path)
        _bring_up_to_date(path)
    except (DatabaseError, sqlite3.DatabaseError, OSError) as error:
        raise _unfit(path, error) from error


def _refuse_orphaned_log(path: Path) -> None:
    # SQLite would delete it without a word, and with it commits that were acknowledged.
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > 0:
        raise _damaged(path, "its write-ahead log without it")


def _create(path: Path) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)  # It may have been there, empty.
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Before the write-ahead log is switched on, so that the mark is in the file itself from the first day.
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA user_version=1")
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _check_head(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(_MAGIC):
        raise _damaged(path, "it does not begin like an SQLite file")
    mark = int.from_bytes(head[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4], "big")
    if mark != APPLICATION_ID:
        raise Unusable(
            "database_foreign",
            f"cannot use the database '{path}': it was made by another program "
            "(choose another data folder with --data-dir)",
        )


def refuse_unfit(path: Path) -> None:
    """Refuse a file that this program could not use, and touch nothing.

    Errors:  Unusable, as `prepare_sqlite`.
    """
    try:
        _check_head(path)
        _sound_version(path)
    except (DatabaseError, sqlite3.DatabaseError, OSError) as error:
        raise _unfit(path, error) from error


def _bring_up_to_date(path: Path) -> None:
    if _sound_version(path) == newest_version():
        return
    writing = sqlite_engine(path, read_only=False)
    try:
        with writing.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            migrate(connection)
            connection.exec_driver_sql("COMMIT")
    finally:
        writing.dispose()


def _sound_version(path: Path) -> str | None:
    """Check the file, and tell of which version its tables are."""
    reading = sqlite_engine(path, read_only=True)
    try:
        with reading.connect() as connection:
            if path.stat().st_size <= _CHECKED_BYTES_MAX:
                found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
                if found != "ok":
                    raise _damaged(path, found.splitlines()[-1])
            version = version_of(connection)
            check_version(version, f"'{path}'")
            if version == newest_version():
                check_tables(connection, f"'{path}'")
            return version
    finally:
        reading.dispose()


def _unfit(path: Path, error: Exception) -> Unusable:
    """Tell a file that is damaged from a machine that does not let it be used."""
    if isinstance(error, OSError):
        return _out_of_reach(path, error.strerror or str(error), "look at what lies there, and whose it is")
    remedy = remedy_of(error)
    cause = str(getattr(error, "orig", error)).splitlines()[0]
    return _damaged(path, cause) if remedy is None else _out_of_reach(path, cause, remedy)


def _out_of_reach(path: Path, found: str, remedy: str) -> Unusable:
    return Unusable(
        "database_unreachable",
        f"cannot use the database '{path}': a file that can be read and written expected, in a folder that can be "
        f"written, found: {found} ({remedy}, or choose another data folder with --data-dir)",
    )


def _damaged(path: Path, found: str) -> Unusable:
    return Unusable(
        "database_damaged",
        f"cannot use the database '{path}': a sound SQLite file expected, found: {found} "
        "(put a backup in its place, or move it away to begin anew)",
    )
