"""One setting: its variable, what is expected of its value, and the value as the variable would say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias


class Kind(StrEnum):
    """What is expected of a value."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    PATH = "a path that begins with '/' or '~/'"
    TEXTS = "a list of texts"
    PATHS = "a list of paths that begin with '/' or '~/'"
    PAIRS = "a table of names and values"


@dataclass(frozen=True)
class Key:
    """One setting: the variable that says the same, what is expected, and what stands between several."""

    variable: str
    kind: Kind = Kind.TEXT
    separator: str = ","
    is_secret: bool = False


Keys: TypeAlias = Mapping[str, Mapping[str, Key]]
"""The keys of each section."""


def said(given: object, key: Key) -> str | None:
    """Say a value as its variable would; None if it is of another kind."""
    match key.kind:
        case Kind.WHOLE:
            return str(given) if isinstance(given, int) and not isinstance(given, bool) else None
        case Kind.NUMBER:
            return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else None
        case Kind.PATH:
            return _whole(given)
        case Kind.TEXTS | Kind.PATHS:
            items = given if isinstance(given, list) else [given]
            texts = [_whole(item) if key.kind is Kind.PATHS else _plain(item) for item in items]
            return None if None in texts else key.separator.join(filter(None, texts))
        case Kind.PAIRS:
            return _pairs(given, key.separator)
        case _:
            return _plain(given)


def _pairs(given: object, separator: str) -> str | None:
    if not isinstance(given, dict):
        return None
    pairs = {name: _plain(item) for name, item in given.items()}
    fits = all(item is not None and separator not in f"{name}{item}" for name, item in pairs.items())
    return separator.join(f"{name}={item}" for name, item in pairs.items()) if fits else None


def _plain(given: object) -> str | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    return str(given) if str(given).isprintable() else None


def _whole(given: object) -> str | None:
    if not isinstance(given, str) or not given.startswith(("/", "~/")) or not given.isprintable():
        return None
    return str(Path(given).expanduser())
