"""Where a model is in its waiting: the names, and which of them were reported to it."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import cast

from runtime_client.errors import UsageError
from runtime_client.wire import Json

NAMES_MAX = 100


@dataclass(frozen=True)
class Cursor:
    """The sessions that are waited for, and those whose rest was reported already."""

    names: tuple[str, ...]
    reported: frozenset[str] = frozenset()

    @property
    def open_names(self) -> tuple[str, ...]:
        """Those whose rest was not reported yet."""
        return tuple(name for name in self.names if name not in self.reported)

    def encode(self) -> str:
        """Write the cursor as a word without meaning for others."""
        text = json.dumps([list(self.names), sorted(self.reported)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(names: list[str], word: str | None) -> Cursor:
    """Read what a model passed: names, a cursor, or both.

    Errors:  UsageError, if there is nothing to wait for, or the cursor is none of ours.
    """
    before = _decode(word) if word else Cursor(())
    wanted = tuple(dict.fromkeys(names)) or before.names
    if not wanted:
        raise UsageError("cannot wait: expected session_names or the cursor of an earlier call, found neither")
    if len(wanted) > NAMES_MAX:
        raise UsageError(
            f"cannot wait for {len(wanted)} sessions: expected at most {NAMES_MAX} (wait for them in groups)"
        )
    return Cursor(wanted, before.reported & frozenset(wanted))


def _decode(word: str) -> Cursor:
    try:
        parsed = cast("Json", json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))))
    except (binascii.Error, ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list) or len(parsed) != 2:
        raise _not_ours(word)
    names, reported = (_texts(part, word) for part in parsed)
    return Cursor(names, frozenset(reported))


def _texts(value: Json, word: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _not_ours(word)
    return tuple(cast("list[str]", value))


def _not_ours(word: str) -> UsageError:
    return UsageError(
        f"cannot read the cursor {word[:40]!r}: expected what an earlier wait_for_agent_sessions returned"
        " (leave it out and pass session_names)"
    )
