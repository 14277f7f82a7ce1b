"""Keeps what is recorded of a run small enough to be stored and shown, however much a tool printed."""

import json
import re
from collections.abc import Mapping, Sequence

from runtime_client.wire import Json, JsonObject

TEXT_MAX = 64 * 1024
ITEMS_MAX = 1000
DEPTH_MAX = 12
_NOTE = re.compile(r"\n\[\.\.\. (\d{1,18}) characters left out \.\.\.\]\n")


def shortened(data: JsonObject) -> JsonObject:
    """Return `data` with over-long texts cut in the middle, and over-long lists and deep nesting cut off.

    Units:   TEXT_MAX characters are left of a text; the result of a turn is exempt and bounded by its own limit.
    """
    return {key: _shortened(value, 1) for key, value in data.items()}


def cut_in_the_middle(text: str, limit: int) -> str:
    """Return `text` with its middle replaced by a note if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = text[half:-half]
    # What is left out may have been cut before: then all that was there counts, and not what stands for it.
    before = sum(int(found[1]) - len(found[0]) for found in _NOTE.finditer(left_out))
    return f"{text[:half]}{left_out_note(len(left_out) + before)}{text[-half:]}"


def left_out_note(characters: int) -> str:
    """Return what stands in the place of so many characters."""
    return f"\n[... {characters} characters left out ...]\n"


def cut_to_bytes(text: str, bytes_max: int) -> str:
    """Return `text` with so much of its middle left out that it takes at most `bytes_max` bytes as JSON on the wire."""
    characters = len(text)
    shorter = text
    while (size := len(json.dumps(shorter, ensure_ascii=False).encode("utf-8", "surrogatepass"))) > bytes_max:
        # A little below the exact share, because the part that is kept may have the wider characters.
        characters = max(1, int(characters * bytes_max / size * 0.95))
        shorter = cut_in_the_middle(text, characters)
    return shorter


def _shortened(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return cut_in_the_middle(value, TEXT_MAX)
    if isinstance(value, Mapping):
        if depth > DEPTH_MAX:
            return "[... nested too deeply ...]"
        return {str(key): _shortened(item, depth + 1) for key, item in list(value.items())[:ITEMS_MAX]}
    if isinstance(value, Sequence):
        if depth > DEPTH_MAX:
            return "[... nested too deeply ...]"
        return [_shortened(item, depth + 1) for item in value[:ITEMS_MAX]]
    return value
