"""A form that an agent asks to be filled in, and whether what was filled in fits it.

A form is a schema as the Model Context Protocol's elicitation has it: an object whose properties are plain values.
"""

from collections.abc import Mapping, Sequence

from agent_runtime.domain.json import Json, JsonObject

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
}


def check_form(form: Json) -> JsonObject:
    """Return the properties of a form.

    Errors:  ValueError for what is none.
    """
    fields = form.get("properties") if isinstance(form, dict) else None
    if not isinstance(fields, dict) or not fields or not all(isinstance(one, dict) for one in fields.values()):
        raise ValueError("a form is an object with 'properties', each of which is an object")
    for name, field in fields.items():
        kind = field.get("type", "string") if isinstance(field, dict) else None
        if kind not in _TYPES:
            raise ValueError(f"field '{name[:60]}' of the form must be one of {', '.join(_TYPES)}")
    return fields


def check_filled_in(form: Json, answer: Json) -> None:
    """Refuse an answer that does not fit its form.

    Errors:  ValueError.
    """
    fields = check_form(form)
    if not isinstance(answer, dict):
        raise ValueError(f"an object with the fields of the form is expected: {', '.join(fields)}")  # noqa: TRY004 - as its callers expect
    for name in answer:
        if name not in fields:
            raise ValueError(f"the form has no field '{name[:60]}' (it has {', '.join(fields)})")
    required = form.get("required") if isinstance(form, dict) else None
    for needed in required if isinstance(required, list) else []:
        if needed not in answer:
            raise ValueError(f"field '{needed}' of the form is expected, found nothing")
    for name, value in answer.items():
        _check_field(name, fields[name], value)


def _check_field(name: str, field: Json, value: Json) -> None:
    said = field if isinstance(field, dict) else {}
    kind = str(said.get("type", "string"))
    is_number = isinstance(value, bool) and kind in ("number", "integer")
    if is_number or not isinstance(value, _TYPES[kind]):
        raise ValueError(f"field '{name[:60]}' of the form is of the type '{kind}'")
    items = said.get("items")
    allowed = _allowed(items if kind == "array" and isinstance(items, dict) else said)
    found = value if isinstance(value, list) else [value]
    if allowed is not None and any(one not in allowed for one in found):
        raise ValueError(f"field '{name[:60]}' of the form is one of {', '.join(str(one) for one in allowed)}")
    _check_bounds(name, said, value)


def _allowed(said: JsonObject) -> Sequence[Json] | None:
    """Return the values that there are, with titles or without; None if nobody lists them."""
    plain, titled = said.get("enum"), said.get("oneOf") or said.get("anyOf")
    if isinstance(plain, list):
        return plain
    return [one.get("const") for one in titled if isinstance(one, dict)] if isinstance(titled, list) else None


def _check_bounds(name: str, said: JsonObject, value: Json) -> None:
    # No `pattern`: an agent wrote it, and a hostile one would keep the runtime busy for hours.
    least_name, most_name = _BOUNDS.get(str(said.get("type", "string")), ("", ""))
    least, most = said.get(least_name), said.get(most_name)
    size = len(value) if isinstance(value, str | list) else value
    if isinstance(size, bool) or not isinstance(size, int | float):
        return
    unit = " characters" if isinstance(value, str) else " choices" if isinstance(value, list) else ""
    if isinstance(least, int | float) and size < least:
        raise ValueError(f"field '{name[:60]}' of the form is at least {least}{unit}, found {size}")
    if isinstance(most, int | float) and size > most:
        raise ValueError(f"field '{name[:60]}' of the form is at most {most}{unit}, found {size}")
