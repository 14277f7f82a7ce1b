"""Readers for what a client says: what is not there, or is something else than it should be, is nothing."""

from collections.abc import Mapping, Sequence

from runtime_client.wire import Json, JsonObject


def word(source: JsonObject, *path: str) -> str:
    """Return the text at the end of a path of fields; an empty one if there is none."""
    found = _at(source, path)
    return found if isinstance(found, str) else ""


def part(source: JsonObject, *path: str) -> JsonObject:
    """Return the object at the end of a path of fields; an empty one if there is none."""
    found = _at(source, path)
    return found if isinstance(found, Mapping) else {}


def parts(source: JsonObject, *path: str) -> list[JsonObject]:
    """Return the objects of the list at the end of a path of fields."""
    found = _at(source, path)
    if isinstance(found, str) or not isinstance(found, Sequence):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def whole(source: JsonObject, *path: str) -> int:
    """Return the whole number at the end of a path of fields; 0 if there is none."""
    found = _at(source, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def amount(source: JsonObject, *path: str) -> float | None:
    """Return the number at the end of a path of fields; None if there is none."""
    found = _at(source, path)
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    # A whole number may be larger than any float.
    return float(str(found))


def is_true(source: JsonObject, *path: str) -> bool:
    """Whether there is a plain true at the end of a path of fields."""
    return _at(source, path) is True


def _at(source: JsonObject, path: Sequence[str]) -> Json:
    found: Json = source
    for field in path:
        found = found.get(field) if isinstance(found, Mapping) else None
    return found
