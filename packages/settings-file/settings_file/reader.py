"""The reader of a file of settings: what one program finds in it, or one sentence about what is wrong and where."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from settings_file.key import Key, Keys, said
from settings_file.known import ALL

SECTIONS = tuple(ALL)
BYTES_MAX = 256 * 1024
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
NOTHING: Keys = {}


class SettingsFileError(Exception):
    """A file of settings cannot be used; its text is one sentence that says which, where and why."""


def file_of_user(environment: Mapping[str, str]) -> Path:
    """Tell where the user's file is, whether it is there or not."""
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME") or "~", ".config")  # noqa: PTH118
    return Path(home).expanduser() / "agent-orchestrator" / "config.toml"


def settings_in(path: Path, keys: Keys, borrowed: Keys = NOTHING) -> dict[str, dict[str, str]]:
    """Return what a file says in the sections and keys that are known, as the variables would say it.

    A file that is not there says nothing. Sections of other programs are passed over, but for the keys that are
    `borrowed` from them; any other word is refused.

    Errors:  SettingsFileError.
    """
    text = _text_of(path)
    if text is None:
        return {}
    # Imported late: most have no such file.
    import tomllib

    try:
        told = tomllib.loads(text)
    except (ValueError, RecursionError) as cause:
        raise SettingsFileError(f"cannot read the settings in '{path}': {cause or 'it is nested too deep'}") from cause
    found: dict[str, dict[str, str]] = {}
    for section, values in told.items():
        if section not in SECTIONS or not isinstance(values, dict):
            raise SettingsFileError(_unknown(path, _line(text, section), section, SECTIONS, "a section such as"))
        known = keys.get(section) or borrowed.get(section, {})
        found[section] = {
            name: _value(path, text, section, name, given, known)
            for name, given in values.items()
            if name in known or section in keys
        }
    _refuse_open_secret(path, found, {**borrowed, **keys})
    return found


def _text_of(path: Path) -> str | None:
    try:
        # A project's file may be anything, a pipe that nobody writes to or a disk's worth of zeros.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as cause:
        raise SettingsFileError(f"cannot read the settings in '{path}': {cause.strerror}") from cause
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SettingsFileError(f"cannot read the settings in '{path}': expected a file, found something else")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise SettingsFileError(f"cannot read the settings in '{path}': expected at most {BYTES_MAX} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line, found = content[: cause.start].count(b"\n") + 1, content[cause.start]
        raise SettingsFileError(
            f"cannot read the settings in '{path}': expected UTF-8, found byte {found:#04x} (at line {line})"
        ) from cause


def _value(path: Path, text: str, section: str, name: str, given: object, known: Mapping[str, Key]) -> str:
    line = _line(text, name, section)
    if name not in known:
        raise SettingsFileError(_unknown(path, line, name, tuple(known), f"a setting in [{section}] such as"))
    value = said(given, known[name])
    if value is None:
        found = "a secret" if known[name].is_secret else repr(given)[:80]
        raise SettingsFileError(
            f"cannot use '{name}' of [{section}] in '{path}' (at line {line}): expected {known[name].kind},"
            f" found {found}"
        )
    return value


def _refuse_open_secret(path: Path, found: Mapping[str, Mapping[str, str]], keys: Keys) -> None:
    is_secret = any(keys[section][name].is_secret for section, told in found.items() for name in told)
    if is_secret and path.stat().st_mode & _OPEN_TO_OTHERS:
        raise SettingsFileError(
            f"cannot use '{path}': it holds a secret and is open to other users (chmod 600 '{path}')"
        )


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
