"""What an agent or an order may ask of the end of a job: a command that has to pass, and a shape of the result."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from agent_runtime.domain.checks import VERIFY_ATTEMPTS_MAX, VERIFY_SECONDS_DEFAULT, VERIFY_SECONDS_MAX
from agent_runtime.services.agents.blueprint_limits import number_or_nothing

SCHEMA_BYTES_MAX = 64 * 1024
SCHEMA_DEPTH_MAX = 40
# To compare one with what a schema may be takes a tenth of a second then, in which nobody else is answered.
SCHEMA_PARTS_MAX = 1000
PATTERN_CHARACTERS_MAX = 500
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

_Word = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]


class VerifyText(BaseModel):
    """A command that is run in the project folder once the agent has ended its turn; it passes if it ends with 0.

    Units:   `timeout_seconds` is how long it may take each time.
    """

    model_config = ConfigDict(extra="forbid")

    command: Annotated[list[_Word], Field(min_length=1, max_length=1000)]
    timeout_seconds: Annotated[
        float, Field(gt=0, le=VERIFY_SECONDS_MAX, strict=False), BeforeValidator(number_or_nothing)
    ] = VERIFY_SECONDS_DEFAULT


VerifyAttempts = Annotated[int, Field(ge=0, le=VERIFY_ATTEMPTS_MAX, strict=False), BeforeValidator(number_or_nothing)]
"""How often what the verification printed goes back to the agent, as its next turn."""


def checked_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse a schema that is none, that would be fetched from somewhere, or that is larger than any result needs.

    Errors:  ValueError.
    """
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        raise ValueError("a JSON Schema that can be written as JSON is expected") from error
    if size > SCHEMA_BYTES_MAX:
        raise ValueError(f"a JSON Schema of at most {SCHEMA_BYTES_MAX} bytes is expected, found {size}")
    values = list(_values(schema, 1))
    parts = sum(isinstance(one, dict | bool) for one in values)
    if parts > SCHEMA_PARTS_MAX:
        raise ValueError(f"a JSON Schema of at most {SCHEMA_PARTS_MAX} parts is expected, found {parts}")
    members = [member for one in values if isinstance(one, dict) for member in one.items()]
    for name, value in members:
        _refuse_member(name, value)
    _refuse_lost_references(schema, members)
    # Imported late: few orders have a schema, and it takes a tenth of a second.
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # it comes without types
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "it"
        raise ValueError(f"a JSON Schema is expected, and {place[:100]!r} cannot be: {error.message[:200]}") from error
    return schema


def _values(value: JsonValue, depth: int) -> Iterator[JsonValue]:
    if depth > SCHEMA_DEPTH_MAX:
        raise ValueError(f"a JSON Schema of at most {SCHEMA_DEPTH_MAX} levels is expected")
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(inner, depth + 1)


def _refuse_member(name: str, value: JsonValue) -> None:
    if name in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
        raise ValueError(f"a schema that is whole is expected: '{name}' may begin with '#' only, found {value[:80]!r}")
    if name == "pattern" and isinstance(value, str):
        _refuse_pattern(value)
    if name == "patternProperties" and isinstance(value, dict):
        for pattern in value:
            _refuse_pattern(pattern)


def _refuse_lost_references(schema: JsonValue, members: Sequence[tuple[str, JsonValue]]) -> None:
    """Refuse a reference to a place that is not there: no result would ever fit."""
    if any(name == "$id" for name, _ in members):
        return  # Another place than the beginning of it all may be meant.
    for name, value in members:
        if name == "$ref" and isinstance(value, str) and value.startswith("#/") and not _is_there(schema, value):
            raise ValueError(f"a schema that is whole is expected: '$ref' names {value[:80]!r}, which is not there")


def _is_there(schema: JsonValue, reference: str) -> bool:
    found = schema
    for part in unquote(reference).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isascii() and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return False
    return True


def _refuse_pattern(pattern: str) -> None:
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        raise ValueError(f"patterns of at most {PATTERN_CHARACTERS_MAX} characters are expected")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"the pattern {pattern[:80]!r} is no regular expression: {error}") from error


OutputSchema = Annotated[dict[str, JsonValue], AfterValidator(checked_schema)]
"""A JSON Schema that the result has to fit."""
