"""The JSON that crosses the wire, and strict readers for it: a wrong type is named, never passed on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


class UnexpectedAnswerError(ValueError):
    """An answer parsed as JSON, but is not what the runtime promises."""


def as_object(value: Json, what: str) -> JsonObject:
    """Return `value` if it is a JSON object.

    Errors:  UnexpectedAnswerError, naming `what`.
    """
    if isinstance(value, Mapping):
        return value
    raise _unexpected(what, "an object", value)


def objects(source: JsonObject, field: str) -> list[JsonObject]:
    """Return the list of objects in `field`.

    Errors:  UnexpectedAnswerError, if the field is missing or holds anything else.
    """
    value = source.get(field)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _unexpected(field, "a list", value)
    return [as_object(item, f"{field}[]") for item in value]


def nested(source: JsonObject, field: str) -> JsonObject:
    """Return the object in `field`; a missing one or null is an empty object."""
    value = source.get(field)
    return {} if value is None else as_object(value, field)


def text(source: JsonObject, field: str) -> str:
    """Return the string in `field`.

    Errors:  UnexpectedAnswerError, if it is missing or not a string.
    """
    value = source.get(field)
    if isinstance(value, str):
        return value
    raise _unexpected(field, "a string", value)


def optional_text(source: JsonObject, field: str) -> str | None:
    """Return the string in `field`, or None if it is missing or null."""
    return None if source.get(field) is None else text(source, field)


def one_of(source: JsonObject, field: str, allowed: Sequence[str]) -> str | None:
    """Return the string in `field` if it is one of those allowed, or None if it is missing or null.

    Errors:  UnexpectedAnswerError, naming those allowed.
    """
    found = optional_text(source, field)
    if found is None or found in allowed:
        return found
    expected = ", ".join(repr(str(choice)) for choice in allowed)
    raise UnexpectedAnswerError(f"expected {field!r} to be one of {expected}, found {found!r}")


def texts(source: JsonObject, field: str) -> tuple[str, ...]:
    """Return the list of strings in `field`; a missing one or null is empty."""
    value = source.get(field)
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _unexpected(field, "a list of strings", value)
    return tuple(_item_text(item, field) for item in value)


def text_map(source: JsonObject, field: str) -> dict[str, str]:
    """Return the object of strings in `field`; a missing one or null is empty."""
    return {key: _item_text(value, f"{field}.{key}") for key, value in nested(source, field).items()}


def integer(source: JsonObject, field: str) -> int:
    """Return the whole number in `field`.

    Errors:  UnexpectedAnswerError, if it is missing or not a whole number.
    """
    value = source.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _unexpected(field, "a whole number", value)


def optional_integer(source: JsonObject, field: str) -> int | None:
    """Return the whole number in `field`, or None if it is missing or null."""
    return None if source.get(field) is None else integer(source, field)


def optional_number(source: JsonObject, field: str) -> float | None:
    """Return the number in `field`, or None if it is missing or null."""
    value = source.get(field)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _unexpected(field, "a number", value)


def only(source: JsonObject, known: Iterable[str], what: str) -> None:
    """Make sure that an object has no other fields than those known.

    Errors:  UnexpectedAnswerError, naming the other one and the known one that is nearest.
    """
    known = sorted(known)
    for field in source:
        if field not in known:
            # Imported late: few answers have a field too many.
            from difflib import get_close_matches

            near = get_close_matches(field, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else f" (known: {', '.join(known)})"
            raise UnexpectedAnswerError(f"there is no {field!r} in {what}{hint}")


def flag(source: JsonObject, field: str, *, default: bool) -> bool:
    """Return the boolean in `field`, or `default` if it is missing or null."""
    value = source.get(field)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise _unexpected(field, "true or false", value)


def _item_text(value: Json, what: str) -> str:
    if isinstance(value, str):
        return value
    raise _unexpected(what, "strings", value)


def _unexpected(what: str, expected: str, found: Json) -> UnexpectedAnswerError:
    shown = "nothing" if found is None else f"{type(found).__name__}"
    return UnexpectedAnswerError(f"expected {what!r} to be {expected}, found {shown}")
