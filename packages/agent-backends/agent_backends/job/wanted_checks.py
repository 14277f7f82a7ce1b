"""What `ao-start` and `ao-resume` are told to ask of a job's end, as the order has it."""

import json
from pathlib import Path
from typing import Annotated

from runtime_client.errors import UsageError
from runtime_client.terminal.arguments import Option, duration
from runtime_client.wire import Json, JsonObject

SCHEMA_BYTES_MAX = 64 * 1024


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise ValueError("a whole number is expected")
    return int(word)


VerifyOption = Annotated[
    str | None,
    Option(
        "--verify",
        "A shell command that has to pass in the project folder; until it does, the agent is told what it printed.",
        metavar="COMMAND",
    ),
]
VerifyTimeoutOption = Annotated[
    float | None,
    Option("--verify-timeout", "How long it may take each time; default: 10m.", metavar="TIME", read=duration(0.001)),
]
VerifyAttemptsOption = Annotated[
    int | None,
    Option("--verify-attempts", "How often the agent is told; default: 3.", metavar="NUMBER", read=_count),
]
OutputSchemaOption = Annotated[
    str | None,
    Option("--output-schema", "A JSON Schema that the result has to fit: a file, or the schema.", metavar="FILE"),
]


def wanted_checks(
    verify: str | None, verify_timeout: float | None, verify_attempts: int | None, output_schema: str | None
) -> JsonObject:
    """Return what was typed as the order has it; what was not typed is left to the agent.

    Errors:  UsageError.
    """
    if verify_attempts is not None and verify is None:
        raise UsageError("cannot use --verify-attempts without --verify: there is nothing to be told of")
    if verify_timeout is not None and verify is None:
        raise UsageError("cannot use --verify-timeout without --verify: there is nothing that could take long")
    checks: dict[str, Json] = {}
    if verify is not None:
        if not verify.strip():
            raise UsageError("cannot use an empty --verify: it would pass, and prove nothing")
        timeout: JsonObject = {} if verify_timeout is None else {"timeout_seconds": verify_timeout}
        checks["verify"] = {"command": ["sh", "-c", verify], **timeout}
    if verify_attempts is not None:
        checks["verify_attempts"] = verify_attempts
    if output_schema is not None:
        checks["output_schema"] = _schema(output_schema)
    return checks


def _schema(given: str) -> JsonObject:
    text = given if given.lstrip().startswith("{") else _text_of(Path(given).expanduser())
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise UsageError(f"cannot use --output-schema {given[:60]!r}: it is not JSON: {cause}") from cause
    if not isinstance(schema, dict):
        raise UsageError(f"cannot use --output-schema {given[:60]!r}: an object is expected")
    return schema


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SCHEMA_BYTES_MAX + 1)
        if len(content) > SCHEMA_BYTES_MAX:
            raise UsageError(f"cannot use --output-schema {str(path)!r}: at most {SCHEMA_BYTES_MAX} bytes are expected")
        return content.decode()
    except (OSError, ValueError) as cause:
        raise UsageError(f"cannot use --output-schema {str(path)!r}: {cause}") from cause
