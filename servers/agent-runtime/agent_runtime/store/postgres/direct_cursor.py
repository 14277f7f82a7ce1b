"""A cursor that runs statements through libpq itself.

What the driver's own cursor does around each statement costs this process several times what libpq does, and more than
the server needs for it. Its connections, its errors and its libpq are used here as they are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

KNOWN_MAX = 400
"""Statements that are remembered for each connection; those that are built for one occasion come behind them."""
_LAST_WORDS = (b"FATAL", b"PANIC")
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")
_Load = Callable[[bytes], object]


def _text(value: bytes) -> object:
    return value.decode()


_LOADS: Mapping[int, _Load] = {
    16: lambda value: value == b"t",
    17: lambda value: bytes.fromhex(value[2:].decode()),  # after '\x'
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((700, 701), float),
    1700: lambda value: Decimal(value.decode()),
}
"""How the server's types are read, by their numbers, which never change; all others are text."""


@dataclass
class _Statement:
    """One statement as libpq takes it, and the names of its parameters in their order."""

    sql: bytes
    names: Sequence[str]
    name: bytes | None = None
    is_used: bool = False


class DirectCursor:
    """What `Channel` needs of a cursor; used by one thread at a time, like its connection."""

    def __init__(self, driver: psycopg.Connection[object]) -> None:
        self._driver = driver
        self._line = driver.pgconn
        self._known: dict[str, _Statement] = {}
        self._result: pq.abc.PGresult | None = None

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement, or several that have no parameters, of which the last one answers.

        Errors:  psycopg.Error, the same that the driver itself raises.
        """
        if not parameters:
            self._result = self._checked(self._line.exec_(sql.encode()))
            return
        statement = self._known.get(sql) or self._remembered(sql)
        # With None for NULL, which the types of the driver's libpq leave out.
        values = cast("list[bytes]", [_bytes_of(parameters[name]) for name in statement.names])
        if statement.name is None and statement.is_used:
            name = b"s%d" % id(statement)
            self._checked(self._line.prepare(name, statement.sql))
            statement.name = name
        statement.is_used = True
        if statement.name is None:
            self._result = self._checked(self._line.exec_params(statement.sql, values))
        else:
            self._result = self._checked(self._line.exec_prepared(statement.name, values))

    def executemany(self, sql: str, many: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each of these values, without waiting for each answer."""
        if len(many) == 1:
            self.execute(sql, many[0])
            return
        with self._driver.cursor() as cursor:
            cursor.executemany(sql.encode(), many)

    def fetchall(self) -> list[tuple[object, ...]]:
        """Read all rows of the answer."""
        result = self._result
        assert result is not None, "a statement was run"
        loads = [_LOADS.get(result.ftype(place), _text) for place in range(result.nfields)]
        columns = list(enumerate(loads))
        get = result.get_value
        return [
            tuple(None if (value := get(row, place)) is None else load(value) for place, load in columns)
            for row in range(result.ntuples)
        ]

    def fetchone(self) -> tuple[object, ...] | None:
        """Read the first row of the answer."""
        found = self.fetchall()
        return found[0] if found else None

    @property
    def rowcount(self) -> int:
        """How many rows the statement found or changed."""
        return (self._result.command_tuples or 0) if self._result is not None else 0

    def _remembered(self, sql: str) -> _Statement:
        names: dict[str, int] = {}

        def number(found: re.Match[str]) -> str:
            name = found[1]
            return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

        statement = _Statement(_PARAMETER.sub(number, sql).encode(), [])
        statement.names = list(names)
        if len(self._known) < KNOWN_MAX:
            self._known[sql] = statement
        return statement

    def _checked(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result
        is_of_server = result.error_field(pq.DiagnosticField.SQLSTATE) is not None
        if not is_of_server or result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in _LAST_WORDS:
            # It is over, although libpq may not have seen that yet: nobody must take it for one that goes on.
            message = result.get_error_message()
            self._line.finish()
        if not is_of_server:
            raise psycopg.OperationalError(message or "the connection is lost")
        raise error_from_result(result)


def _bytes_of(value: object) -> bytes | None:
    """Write a value as the server's text; what type it has, the statement says."""
    if value is None:
        return None
    if isinstance(value, str):
        written = value.encode()
        if b"\0" in written:
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return written
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int | float):
        return repr(value).encode()
    assert isinstance(value, psycopg.Binary), f"a value that a column can hold: {type(value)}"
    return b"\\x" + bytes(value.obj).hex().encode()
