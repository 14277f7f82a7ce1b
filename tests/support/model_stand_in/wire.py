"""The shapes of JSON that cross the wire, and how to read them without trusting them."""

from __future__ import annotations

import json
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]


class NotAnObjectError(ValueError):
    """Something other than a JSON object stood where one was expected."""


def read_object(raw: bytes | str, what: str) -> JsonObject:
    """Read one JSON object, and nothing else.

    Errors:  ValueError, if it is no JSON; NotAnObjectError, if it holds something other than an object.
    """
    found: Json = json.loads(raw)
    if not isinstance(found, dict):
        raise NotAnObjectError(f"cannot read {what}: expected a JSON object, found {type(found).__name__}")
    return found


def objects(value: Json) -> list[JsonObject]:
    """The objects of a list; an empty list if there is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Json) -> str:
    """The text of a content field, which is a string or a list of blocks."""
    if isinstance(value, str):
        return value
    return "\n".join(text for block in objects(value) if isinstance(text := block.get("text"), str))
