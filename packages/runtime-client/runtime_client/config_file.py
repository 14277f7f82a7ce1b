"""The file of settings: what one program finds in it, checked, or one sentence about what is wrong and where.

The rule stands in docs/reference/settings.md.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from runtime_client.errors import UsageError

SECTIONS = ("connection", "start", "runtime", "launcher")
BYTES_MAX = 256 * 1024
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


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
NOTHING: Keys = {}


def file_of_user(environment: Mapping[str, str]) -> Path:
    """Tell where the user's file is, whether it is there or not."""
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME") or "~", ".config")  # noqa: PTH118
    return Path(home).expanduser() / "agent-orchestrator" / "config.toml"


def settings_in(path: Path, keys: Keys, borrowed: Keys = NOTHING) -> dict[str, dict[str, str]]:
    """Return what a file says in the sections and keys that are known, as the variables would say it.

    A file that is not there says nothing. Sections of other programs are passed over, but for the keys that are
    `borrowed` from them; any other word is refused.

    Errors:  UsageError.
    """
    text = _text_of(path)
    if text is None:
        return {}
    # Imported late: most have no such file.
    import tomllib

    try:
        told = tomllib.loads(text)
    except (ValueError, RecursionError) as cause:
        raise UsageError(f"cannot read the settings in '{path}': {cause or 'it is nested too deep'}") from cause
    found: dict[str, dict[str, str]] = {}
    for section, values in told.items():
        if section not in SECTIONS or not isinstance(values, dict):
            raise UsageError(_unknown(path, _line(text, section), section, SECTIONS, "a section such as"))
        known = keys.get(section) or borrowed.get(section, {})
        found[section] = {
            name: _value(path, text, section, name, given, known)
            for name, given in values.items()
            if name in known or section in keys
        }
    _refuse_open_secret(path, found, {**borrowed, **keys})
    return found


def as_variables(found: Mapping[str, Mapping[str, str]], keys: Keys) -> dict[str, str]:
    """Return the same by the names of the variables."""
    return {keys[section][name].variable: text for section, told in found.items() for name, text in told.items()}


def filled(environment: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which what it does not say, or leaves empty, is as the file says."""
    return {**environment, **{name: text for name, text in variables.items() if not environment.get(name)}}


def _text_of(path: Path) -> str | None:
    try:
        # A project's file may be anything, a pipe that nobody writes to or a disk's worth of zeros.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as cause:
        raise UsageError(f"cannot read the settings in '{path}': {cause.strerror}") from cause
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"cannot read the settings in '{path}': expected a file, found something else")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise UsageError(f"cannot read the settings in '{path}': expected at most {BYTES_MAX} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line, found = content[: cause.start].count(b"\n") + 1, content[cause.start]
        raise UsageError(
            f"cannot read the settings in '{path}': expected UTF-8, found byte {found:#04x} (at line {line})"
        ) from cause


def _value(path: Path, text: str, section: str, name: str, given: object, known: Mapping[str, Key]) -> str:
    line = _line(text, name, section)
    if name not in known:
        raise UsageError(_unknown(path, line, name, tuple(known), f"a setting in [{section}] such as"))
    said = _said(given, known[name])
    if said is None:
        found = "a secret" if known[name].is_secret else repr(given)[:80]
        raise UsageError(
            f"cannot use '{name}' of [{section}] in '{path}' (at line {line}): expected {known[name].kind},"
            f" found {found}"
        )
    return said


def _said(given: object, key: Key) -> str | None:
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
            said = [_whole(item) if key.kind is Kind.PATHS else _plain(item) for item in items]
            return None if None in said else key.separator.join(filter(None, said))
        case Kind.PAIRS:
            if not isinstance(given, dict):
                return None
            pairs = {name: _plain(item) for name, item in given.items()}
            fits = all(item is not None and key.separator not in f"{name}{item}" for name, item in pairs.items())
            return key.separator.join(f"{name}={item}" for name, item in pairs.items()) if fits else None
        case _:
            return _plain(given)


def _plain(given: object) -> str | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    return str(given) if str(given).isprintable() else None


def _whole(given: object) -> str | None:
    if not isinstance(given, str) or not given.startswith(("/", "~/")) or not given.isprintable():
        return None
    return str(Path(given).expanduser())


def _refuse_open_secret(path: Path, found: Mapping[str, Mapping[str, str]], keys: Keys) -> None:
    is_secret = any(keys[section][name].is_secret for section, told in found.items() for name in told)
    if is_secret and path.stat().st_mode & _OPEN_TO_OTHERS:
        raise UsageError(f"cannot use '{path}': it holds a secret and is open to other users (chmod 600 '{path}')")


def _unknown(path: Path, line: int, word: str, known: tuple[str, ...], what: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}"
    return f"cannot use '{path}' (at line {line}): expected {what} '{(near or known)[0]}', found {word!r} ({hint})"


def _line(text: str, word: str, section: str | None = None) -> int:
    """Tell where a word stands first as a key or a section; behind the head of its section, if that has one."""
    lines = text.splitlines()
    head = re.compile(rf"""\s*\[\s*["']?{re.escape(section or word)}["']?\s*[\].]""")
    begin = next((number for number, line in enumerate(lines) if head.match(line)), 0)
    if section is None:
        return begin + 1
    key = re.compile(rf"""\s*(\[.*\.\s*)?["']?{re.escape(word)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(lines[begin:], begin) if key.match(line)), begin) + 1
