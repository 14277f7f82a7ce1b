"""What a model passes to a tool, brought into the form that the tool asks for, or refused in one sentence.

Models send almost the right thing: a number as a text, one name instead of a list, an empty text for "nothing", a word
in capitals, more than there is. What cannot be mistaken is taken; everything else is explained to the model.
"""

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from runtime_client.errors import UsageError

Schema: TypeAlias = Mapping[str, Any]

_WORDS_FOR_TRUE, _WORDS_FOR_FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_SHOWN_CHARACTERS = 80


def fitted(tool: str, schema: Schema, arguments: Mapping[str, object]) -> dict[str, object]:
    """Fit arguments to a tool's schema: what is absent stays absent, numbers are brought into their range.

    Errors:  UsageError, whose sentence names the tool, the argument, what was expected and what was found.
    """
    properties: Mapping[str, Schema] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    _refuse_misspelt(tool, properties, arguments)
    given = {name: arguments[name] for name in properties if not _is_absent(arguments.get(name), name in required)}
    missing = [name for name in required if name not in given]
    if missing:
        _refuse(tool, missing[0], f"expected {_expected(properties[missing[0]])}", "nothing")
    return {name: _Argument(tool, name, properties[name]).fit(value) for name, value in given.items()}


class _Argument:
    """One argument with what the schema says of it."""

    def __init__(self, tool: str, name: str, schema: Schema) -> None:
        self._tool = tool
        self._name = name
        self._schema = _without_null(schema)

    def fit(self, value: object) -> object:
        match self._schema.get("type"):
            case "string":
                return self._text(value)
            case "boolean":
                return self._truth(value)
            case "integer" | "number":
                return self._number(value)
            case "array":
                return self._texts(value)
            case "object":
                return self._object(value)
            case _:
                return value

    def _text(self, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._refuse(value)
        text = str(value)
        words: Sequence[str] = self._schema.get("enum", ())
        if not words:
            return text.strip() if self._name.endswith("_name") else text
        found = next((word for word in words if word == text.strip().lower().replace("-", "_")), None)
        return found if found is not None else self._refuse(value)

    def _truth(self, value: object) -> bool:
        word = str(value).strip().lower() if isinstance(value, bool | int | float | str) else ""
        if word.removesuffix(".0") in _WORDS_FOR_TRUE:
            return True
        return False if word.removesuffix(".0") in _WORDS_FOR_FALSE else self._refuse(value)

    def _number(self, value: object) -> float:
        number = _as_number(value)
        if number is None or not number > self._schema.get("exclusiveMinimum", -math.inf):
            self._refuse(value)
        low, high = self._schema.get("minimum", -math.inf), self._schema.get("maximum", math.inf)
        within = min(max(number, low), high)
        if self._schema["type"] == "number":
            return float(within)
        return int(within) if float(within).is_integer() else self._refuse(value)

    def _texts(self, value: object) -> list[str]:
        items = list(_as_list(value))
        if not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            self._refuse(value)
        return [text for item in items if (text := str(item).strip())]

    def _object(self, value: object) -> dict[str, object]:
        told = _parsed(value) if isinstance(value, str) else value
        return {str(name): one for name, one in told.items()} if isinstance(told, dict) else self._refuse(value)

    def _refuse(self, value: object) -> NoReturn:
        _refuse(self._tool, self._name, f"expected {_expected(self._schema)}", _shown(value))


def _is_absent(value: object, is_required: bool) -> bool:
    # Many models fill in what they have nothing to say about.
    return value is None or (value == "" and not is_required)


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _as_list(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
        return
    if not isinstance(value, str):
        yield value if isinstance(value, int) else None
        return
    told = _parsed(value)
    yield from told if isinstance(told, list) else value.split(",")


def _parsed(text: str) -> object:
    try:
        told: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return told


def _without_null(schema: Schema) -> Schema:
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    return {**schema, **choices[0]} if len(choices) == 1 else schema


def _refuse_misspelt(tool: str, properties: Mapping[str, Schema], arguments: Mapping[str, object]) -> None:
    """Refuse an unknown name that means one of ours; other ones are left out."""
    unused = [name for name in properties if name not in arguments]
    for name in arguments:
        meant = difflib.get_close_matches(name, unused, n=1) or [word for word in unused if word.startswith(f"{name}_")]
        if name not in properties and meant:
            raise UsageError(
                f"cannot call {tool}: it has no argument {_shown(name)} (did you mean {meant[0]!r}? it takes"
                f" {', '.join(properties)})"
            )


def _expected(schema: Schema) -> str:
    plain = _without_null(schema)
    if words := plain.get("enum"):
        return f"one of {', '.join(words)}"
    if plain.get("type") not in ("integer", "number"):
        kinds = {"string": "a text", "boolean": "true or false", "array": "a list of texts", "object": "an object"}
        return kinds.get(str(plain.get("type")), "another value")
    kind = "a whole number" if plain["type"] == "integer" else "a number"
    if "exclusiveMinimum" in plain:
        return f"{kind} above {plain['exclusiveMinimum']:g}"
    bounds = [f"from {plain['minimum']:g}"] if "minimum" in plain else []
    return " ".join([kind, *bounds, *([f"to {plain['maximum']:g}"] if "maximum" in plain else [])])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _refuse(tool: str, name: str, expected: str, found: str) -> NoReturn:
    raise UsageError(f"cannot call {tool}: {name!r}: {expected}, found {found}")
