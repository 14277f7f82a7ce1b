"""What the tables are made of: column types that mean the same in both databases."""

import json
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import BigInteger, Column, Dialect, Float, Integer, MetaData, String, Text, text
from sqlalchemy.types import TypeDecorator

from agent_runtime.domain.json import Json

metadata = MetaData()

Id = String(40)
# SQLite numbers rows by itself only for a column of exactly this type.
Serial = BigInteger().with_variant(Integer(), "sqlite")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment(microseconds: object) -> datetime:
    """Read a time as `Moment` wrote it."""
    assert isinstance(microseconds, int)
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(value: datetime) -> int:
    """Write a time as it is kept."""
    return (value - _EPOCH) // _MICROSECOND


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, kept as whole microseconds since 1970 so that both databases compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Write microseconds."""
        del dialect
        return None if value is None else microseconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Read an aware time."""
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class JsonText(TypeDecorator[Json]):
    """A JSON value, kept as text: no database looks inside it."""

    impl = Text
    cache_ok = True
    # Made once: `json.dumps` makes a new encoder for each call that wants anything but the defaults.
    encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

    def process_bind_param(self, value: Json, dialect: Dialect) -> str | None:
        """Write compact JSON."""
        del dialect
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        """Read it back."""
        del dialect
        return None if value is None else json_value(value)


def json_text(value: object) -> str:
    """Write compact JSON."""
    return "{}" if value == {} else JsonText.encoder.encode(value)


def json_value(text: object) -> Json:
    """Read it back."""
    if text == "{}":  # what most of them hold
        return {}
    return cast("Json", json.loads(str(text)))


def usage_columns() -> list[Column[int] | Column[float]]:
    """Make the columns of what was consumed."""
    counts = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    columns: list[Column[int] | Column[float]] = [
        Column(name, BigInteger, nullable=False, server_default=text("0")) for name in counts
    ]
    return [*columns, Column("cost_usd", Float, nullable=False, server_default=text("0"))]
