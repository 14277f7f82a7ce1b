"""Statements that are compiled once for each connection and then only run.

The hot path of a job is a few dozen small statements. SQLAlchemy writes them, for either database, and turns
values into what the driver takes; its execution machinery, which costs several times what SQLite itself
needs, is used for rare questions only.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from sqlalchemy import ClauseElement, Column, Connection, Dialect, Float, Insert, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from agent_runtime.domain.job import Usage
from agent_runtime.store.tables.columns import JsonText, Moment, json_text, json_value, microseconds_of, moment

T = TypeVar("T")
Row: TypeAlias = Sequence[object]
Convert: TypeAlias = Callable[[object], object]
Values: TypeAlias = Mapping[str, object]

USAGE_COLUMNS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_usd")


class Prepared:
    """One statement as text for the driver, with the conversions of its parameters."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        # Lists are written out as one parameter for each item, which the driver would otherwise never see.
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self.sql = compiled.string
        fixed = compiled.params
        self._is_by_place = compiled.positiontup is not None
        # A constant of the statement keeps its value.
        self._parts = [(name, fixed[name]) for name in (compiled.positiontup or fixed)]
        converts = {name: _writer(bind.type, dialect) for name, bind in compiled.binds.items()}
        found = [(place, converts.get(name)) for place, (name, _) in enumerate(self._parts)]
        self._converts = [(place, convert) for place, convert in found if convert is not None]

    def parameters(self, values: Values) -> list[object] | dict[str, object]:
        """Arrange the values as the driver wants them."""
        given = values.get
        filled = [given(name, fixed) for name, fixed in self._parts]
        for place, convert in self._converts:
            if filled[place] is not None:
                filled[place] = convert(filled[place])
        if self._is_by_place:
            return filled
        return {name: value for (name, _), value in zip(self._parts, filled, strict=True)}


class Cursor(Protocol):
    """What runs statements on one connection."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, parameters: Any = ..., /) -> object: ...
    def executemany(self, sql: str, many: Any, /) -> object: ...
    def fetchall(self) -> Sequence[Row]: ...


class Channel:
    """One connection, its cursor, and the statements that were prepared on it.

    Shape:   `is_shared` means that other connections write at the same time, so that what is read to be changed
             must be locked.
    """

    def __init__(self, connection: Connection, *, is_shared: bool = False, cursor: Cursor | None = None) -> None:
        self.connection = connection
        self.dialect = connection.dialect
        self.is_shared = is_shared
        self.cursor: Cursor = cursor or connection.connection.cursor()
        self._prepared: dict[Hashable, Prepared] = {}
        self._flush: Callable[[], int | None] = lambda: None

    def at_the_end(self, flush: Callable[[], int | None]) -> None:
        """Let something be written last, behind everything else of a transaction."""
        self._flush = flush

    def flush(self) -> int | None:
        """Write what is written last, and tell the transaction's number if it is known."""
        return self._flush()

    def prepare(
        self, key: Hashable, build: Callable[[], ClauseElement], through: tuple[str, str] | None = None
    ) -> Prepared:
        """Give the statement of this key; it is built at the first use.

        Shape:   `through` names a table and the index to read it by, for SQLite, which knows nothing of how many
                 rows are how; PostgreSQL does.
        """
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = Prepared(build(), self.dialect)
            if through is not None and self.dialect.name == "sqlite":
                table, index = through
                prepared.sql = prepared.sql.replace(f"FROM {table}", f"FROM {table} INDEXED BY {index}", 1)
        return prepared

    def rows(self, prepared: Prepared, values: Values) -> Sequence[Row]:
        """Run a statement and fetch all that it answers."""
        self.cursor.execute(prepared.sql, prepared.parameters(values))
        return self.cursor.fetchall()

    def first(self, prepared: Prepared, values: Values) -> Row | None:
        """Run a statement and give its first row."""
        found = self.rows(prepared, values)
        return found[0] if found else None

    def run(self, prepared: Prepared, values: Values) -> int:
        """Run a statement that answers no rows, and tell how many rows it changed."""
        self.cursor.execute(prepared.sql, prepared.parameters(values))
        return int(self.cursor.rowcount)

    def run_many(self, prepared: Prepared, many: Sequence[Values]) -> None:
        """Run a statement that answers no rows once for each of these values."""
        self.cursor.executemany(prepared.sql, [prepared.parameters(values) for values in many])

    def ask(self, query: ClauseElement) -> Sequence[Row]:
        """Run a question that is built for one occasion, and give its rows as the driver answers them."""
        return self.rows(Prepared(query, self.dialect), {})

    def command(self, sql: str) -> None:
        """Run a command that has no parameters, such as BEGIN."""
        self.cursor.execute(sql)


class Record(Generic[T]):
    """Turns rows of one table into a dataclass and back; columns are named like fields.

    A field called `usage` stands for its five columns.
    """

    def __init__(self, make: Callable[..., T], table: Table, dialect: Dialect, **enums: type[StrEnum]) -> None:
        names = [field.name for field in fields(make)]  # type: ignore[arg-type]  # only dataclasses are passed
        self._names = names
        self._make = _filler(make, names)
        self._is_plain = not hasattr(make, "__slots__")
        self._usage_at = names.index("usage") if "usage" in names else None
        self.columns: list[Column[object]] = [
            table.c[part] for name in names for part in (USAGE_COLUMNS if name == "usage" else (name,))
        ]
        self._converts = [
            (place, _reader(column, dialect, enums.get(column.name)))
            for place, column in enumerate(self.columns)
            if enums.get(column.name) or _result_processor(column, dialect)
        ]

    def read(self, row: Row) -> T:
        """Make the dataclass of a row that was selected with `columns`."""
        values = list(row)
        for place, convert in self._converts:
            if values[place] is not None:
                values[place] = convert(values[place])
        at = self._usage_at
        if at is not None:
            make_usage: Callable[..., Usage] = Usage
            values[at : at + len(USAGE_COLUMNS)] = [make_usage(*values[at : at + len(USAGE_COLUMNS)])]
        return self._make(values)

    def write(self, thing: T) -> dict[str, object]:
        """Give the values of the columns for a new row."""
        values = dict(vars(thing)) if self._is_plain else {name: getattr(thing, name) for name in self._names}
        if self._usage_at is not None:
            usage = values.pop("usage")
            values.update({name: getattr(usage, name) for name in USAGE_COLUMNS})
        return values


def _filler(make: Callable[..., T], names: Sequence[str]) -> Callable[[Sequence[object]], T]:
    """Give the quickest way to make a dataclass of its values."""
    if not isinstance(make, type) or hasattr(make, "__slots__") or hasattr(make, "__post_init__"):
        return lambda values: make(*values)
    new, set_attribute = object.__new__, object.__setattr__

    def fill(values: Sequence[object]) -> T:
        # A frozen dataclass sets its fields one call at a time, which for a job costs more than to read its row.
        made: T = new(make)
        set_attribute(made, "__dict__", dict(zip(names, values, strict=True)))
        return made

    return fill


def _writer(column_type: TypeEngine[object], dialect: Dialect) -> Convert | None:
    # Straight to what the column does, past the layers that SQLAlchemy has around it.
    if isinstance(column_type, Moment):
        return cast("Convert", microseconds_of)
    if isinstance(column_type, JsonText):
        return json_text
    return column_type.dialect_impl(dialect).bind_processor(dialect)


def _reader(column: Column[object], dialect: Dialect, enum: type[StrEnum] | None) -> Convert:
    if enum is not None:
        members: dict[object, object] = {member.value: member for member in enum}
        return members.__getitem__
    convert = _result_processor(column, dialect)
    assert convert is not None
    return convert


def _result_processor(column: Column[object], dialect: Dialect) -> Convert | None:
    if isinstance(column.type, Moment):
        return moment
    if isinstance(column.type, JsonText):
        return json_value
    # Both drivers give plain floats; asked for a conversion, one dialect wants to know the result's own type.
    return None if isinstance(column.type, Float) else column.type.dialect_impl(dialect).result_processor(dialect, None)


def inserting(table: Table, names: Iterable[str]) -> ClauseElement:
    """Write the insertion of one row with these columns."""
    return insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in names})


def inserting_once(table: Table, names: Iterable[str], dialect: Dialect) -> Insert:
    """Write an insertion that changes nothing if a unique column has the value already."""
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    if dialect.name == "postgresql":
        return postgresql.insert(table).values(values).on_conflict_do_nothing()
    return sqlite.insert(table).values(values).on_conflict_do_nothing()
