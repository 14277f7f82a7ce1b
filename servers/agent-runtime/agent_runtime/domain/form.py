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
        if _field(field)["type"] not in _TYPES:
            raise ValueError(f"field '{name[:60]}' of the form must be one of {', '.join(_TYPES)}")
    required = (form.get("required") or []) if isinstance(form, dict) else []
    if not isinstance(required, list) or not all(isinstance(one, str) and one in fields for one in required):
        raise ValueError("'required' of the form is a list of names of its fields")
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
        _check_field(name, _field(fields[name]), value)


def _check_field(name: str, said: JsonObject, value: Json) -> None:
    kind = str(said["type"])
    is_number = isinstance(value, bool) and kind in ("number", "integer")
    if is_number or not isinstance(value, _TYPES[kind]):
        raise ValueError(f"field '{name[:60]}' of the form is of the type '{kind}'")
    items = said.get("items")
    allowed = _allowed(items if kind == "array" and isinstance(items, dict) else said)
    found = value if isinstance(value, list) else [value]
    if allowed is not None and any(one not in allowed for one in found):
        raise ValueError(f"field '{name[:60]}' of the form is one of {', '.join(str(one) for one in allowed)}")
    _check_bounds(name, said, value)


def _field(said: Json) -> JsonObject:
    """Return a field; one that may be null, as code makes of an optional one, is what it is otherwise."""
    field = said if isinstance(said, dict) else {}
    others = [one for one in _others(field) if one.get("type") != "null"]
    if "type" not in field and len(others) == 1 and "const" not in others[0]:
        field = {**{name: value for name, value in field.items() if name not in ("anyOf", "oneOf")}, **others[0]}
    kinds = field.get("type", "string")
    named = [one for one in kinds if one != "null"] if isinstance(kinds, list) else [kinds]
    return {**field, "type": named[0] if len(named) == 1 and isinstance(named[0], str) else ""}


def _others(said: JsonObject) -> list[JsonObject]:
    found = said.get("oneOf") or said.get("anyOf")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _allowed(said: JsonObject) -> Sequence[Json] | None:
    """Return the values that there are, with titles or without; None if nobody lists them."""
    plain = said.get("enum")
    if isinstance(plain, list):
        return plain
    return [one["const"] for one in _others(said) if "const" in one] or None


def _check_bounds(name: str, said: JsonObject, value: Json) -> None:
    # No `pattern`: an agent wrote it, and a hostile one would keep the runtime busy for hours.
    least_name, most_name = _BOUNDS.get(str(said["type"]), ("", ""))
    least, most = said.get(least_name), said.get(most_name)
    size = len(value) if isinstance(value, str | list) else value
    if isinstance(size, bool) or not isinstance(size, int | float):
        return
    unit = " characters" if isinstance(value, str) else " choices" if isinstance(value, list) else ""
    if isinstance(least, int | float) and size < least:
        raise ValueError(f"field '{name[:60]}' of the form is at least {least}{unit}, found {size}")
    if isinstance(most, int | float) and size > most:
        raise ValueError(f"field '{name[:60]}' of the form is at most {most}{unit}, found {size}")
