"""What SQLite says when it is the machine that is in the way: a full disk, a broken one, one that is read-only."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

_OF_THE_MACHINE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "see that its disk has room and works",
    sqlite3.SQLITE_READONLY: "make it writable",
    sqlite3.SQLITE_CANTOPEN: "see that its folder is there, has room and can be written",
    sqlite3.SQLITE_PERM: "make it writable",
    sqlite3.SQLITE_BUSY: "find the program that holds it locked",
    sqlite3.SQLITE_LOCKED: "find the program that holds it locked",
    sqlite3.SQLITE_PROTOCOL: "find the program that holds it locked",
}


def remedy_of(error: BaseException) -> str | None:
    """Tell what a person can do about an error, if it is the machine's and not ours."""
    met = getattr(error, "orig", error)
    code = getattr(met, "sqlite_errorcode", None)
    # The low byte is the kind; what stands above it says which call of the system it was.
    return _OF_THE_MACHINE.get(code & 0xFF) if isinstance(code, int) else None


def is_unknown_outcome(error: BaseException) -> bool:
    """Tell whether a commit that met this may be found on the disk after all."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_IOERR


def sentence_of(path: Path, error: BaseException, became: str) -> str | None:
    """Say which database cannot be used, why, and what became of the work; None for what is not the machine's."""
    remedy = remedy_of(error)
    if remedy is None:
        return None
    cause = str(getattr(error, "orig", error)).splitlines()[0][:200]
    return f"cannot use the database '{path}' at the moment: {cause} ({became}; {remedy}, it goes on by itself)"
