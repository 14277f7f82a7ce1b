"""Tells accounts apart without naming them: launchers that share one say the same word."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from runtime_client.wire import Json

BYTES_MAX = 4 * 1024 * 1024
_PURPOSE = b"ao account"


def fingerprint(*identity: str | None) -> str | None:
    """Return a word for an account: the same on every machine, and nothing can be read from it; None for nobody.

    Shape:   the first part is what the account is known by, a key or an id that nobody can guess; others say where.
    """
    if not identity or not identity[0]:
        return None
    text = "\0".join(part or "" for part in identity)
    return blake2b(text.encode(), digest_size=6, person=_PURPOSE).hexdigest()


def text_in(file: Path, *path: str) -> str | None:
    """Return the text at the end of a path of fields in a JSON file; None if there is none, or no such file."""
    try:
        if file.stat().st_size > BYTES_MAX:
            return None
        found: Json = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return _text_at(found, path)


def _text_at(found: Json, path: Sequence[str]) -> str | None:
    for field in path:
        found = found.get(field) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found else None
