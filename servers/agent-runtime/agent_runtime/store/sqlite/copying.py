"""A copy of the embedded database that is taken while a runtime uses it, and how it is put back."""

import os
import sqlite3
from pathlib import Path

from agent_runtime.domain.errors import Unusable
from agent_runtime.store.sqlite.opening import refuse_unfit
from agent_runtime.store.sqlite.store import sqlite_engine

_REPLACED = ".replaced"


def copy_database(source: Path, target: Path) -> None:
    """Write a consistent copy of a database to a file that does not exist yet.

    The reading connection neither writes nor checkpoints, so the runtime's writer stays the only one that does. All
    pages are read in one step, in one transaction: the copy is the database of one moment, with every commit that was
    acknowledged before it, and the writer goes on meanwhile.

    Errors:  Unusable, if there is nothing to copy, the target exists or cannot be written, or the copy is not sound.
    """
    if not source.exists():
        raise Unusable("database_missing", f"cannot back up '{source}': there is no such file")
    if target.exists():
        raise Unusable("backup_exists", f"cannot write the backup '{target}': the file exists (choose another name)")
    refuse_unfit(source)
    try:
        _copy_to(source, target)
    except OSError as error:
        raise Unusable(
            "backup_failed", f"cannot write the backup '{target}': {error.strerror} (choose another place)"
        ) from error


def _copy_to(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy_pages(source, unfinished)
        refuse_unfit(unfinished)
        _keep(unfinished)
        unfinished.replace(target)
        _keep(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def restore_database(backup: Path, target: Path) -> Path | None:
    """Put a copy in the place of a database that nobody uses, and tell where the old one is now.

    There is no moment at which neither of the two is in the place.

    Errors:  Unusable, if the copy is not sound; the old database is untouched then.
    """
    refuse_unfit(backup)
    arriving = target.with_name(f"{target.name}.arriving")
    arriving.unlink(missing_ok=True)
    os.close(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _copy_pages(backup, arriving)
    _keep(arriving)
    replaced = _set_aside(target)
    # What was in the old database's log is in its file by now: the log must not be applied to another database.
    for side in ("-wal", "-shm"):
        target.with_name(target.name + side).unlink(missing_ok=True)
    arriving.replace(target)
    _keep(target.parent)
    return replaced


def _set_aside(target: Path) -> Path | None:
    if not target.exists():
        return None
    replaced = target.with_name(target.name + _REPLACED)
    number = 1
    while replaced.exists():
        number += 1
        replaced = target.with_name(f"{target.name}{_REPLACED}-{number}")
    try:
        connection = sqlite3.connect(target, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        # A damaged one is what a backup is for; its log is kept beside it.
        wal = target.with_name(f"{target.name}-wal")
        if wal.exists():
            wal.replace(replaced.with_name(f"{replaced.name}-wal"))
    os.link(target, replaced)
    return replaced


def _copy_pages(source: Path, target: Path) -> None:
    reading = sqlite_engine(source, read_only=True)
    try:
        with reading.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            writing = sqlite3.connect(target, isolation_level=None)
            try:
                driver.backup(writing, pages=-1)
                # One file is the whole copy: without this, opening it would make a log beside it.
                writing.execute("PRAGMA journal_mode=DELETE")
            finally:
                writing.close()
    except sqlite3.Error as error:
        raise Unusable("backup_failed", f"cannot copy '{source}' to '{target}': {error}") from error
    finally:
        reading.dispose()


def _keep(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
