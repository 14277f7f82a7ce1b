"""Reads a request's body: bounded while it arrives, and looked through before anything else sees it."""

import asyncio
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import NoReturn

from starlette.types import Message, Receive

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.json import Json
from agent_runtime.http.wire.answers import HttpProblem

DEPTH_MAX = 100
PARTS_MAX = 500_000
"""Values in one body: each takes a hundred bytes of memory, where it took two on the wire."""
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class DisconnectedError(Exception):
    """The client left before its request was complete."""


async def read_body(receive: Receive, announced_bytes: int | None, limit: int, seconds: float) -> bytes:
    """Read a whole body of at most `limit` bytes, which must have come within `seconds`.

    Errors:  HttpProblem 413 or 408; DisconnectedError.
    """
    try:
        async with asyncio.timeout(seconds):
            if announced_bytes is not None and announced_bytes > limit:
                raise _too_large(limit)
            return await _gather(receive, limit)
    except TimeoutError as error:
        raise HttpProblem(
            408, "body_too_slow", f"the request's body did not arrive within {seconds:g} seconds", _CLOSE
        ) from error


async def _gather(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await _next(receive)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise DisconnectedError
    return message


_CLOSE: Mapping[str, str] = {"Connection": "close"}


def _too_large(limit: int) -> HttpProblem:
    # The connection stays: it reads the rest and throws it away, or a client that still sends would see it broken
    # in place of our sentence.
    return HttpProblem(413, "too_large", f"the request's body is too large: at most {limit} bytes are taken here")


def checked_json(body: bytes, *, mends_text: bool) -> bytes:
    """Refuse what is not plain JSON, so that nothing behind us stumbles over it.

    Shape:   the same bytes, unless `mends_text`: then characters that no database can hold (NUL, half a
             surrogate pair) are replaced by U+FFFD, because an agent's output must not be lost for them.
    Errors:  HttpProblem 400; Invalid for such characters if they are not mended.
    """
    _refuse_many_parts(body)
    try:
        text = body.decode("utf-8")
        value: Json = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from error
    _refuse_depth(text, value)
    if not _may_hold_bad_text(text):
        return body
    if not mends_text:
        _refuse_bad_text(value)
        return body
    return json.dumps(_mended(value)).encode()


def _refuse_many_parts(body: bytes) -> None:
    if _parts(body) <= PARTS_MAX:
        return
    # Counted before anything is built; what stands in texts does not count, for prompts are full of commas.
    if _parts(_TEXTS.sub(b"", body)) > PARTS_MAX:
        raise HttpProblem(400, "invalid_json", f"the request's body has more than {PARTS_MAX} values")


def _parts(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))


def _not_json(error: Exception) -> HttpProblem:
    if isinstance(error, json.JSONDecodeError):
        what = error.msg.removesuffix(" at")
        why = f"{what[:1].lower()}{what[1:]} at line {error.lineno}, column {error.colno}"
    elif isinstance(error, UnicodeDecodeError):
        why = f"byte {error.start} is not UTF-8"
    elif isinstance(error, RecursionError):
        why = f"nested deeper than {DEPTH_MAX}"
    else:
        why = str(error).partition(";")[0]
    return HttpProblem(400, "invalid_json", f"cannot read the request's body as JSON: {why}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"'{name}' is not a number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _refuse_depth(text: str, value: Json) -> None:
    # Fewer brackets than that cannot nest deeper, and most bodies have fewer.
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    level: list[Json] = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise HttpProblem(400, "invalid_json", f"cannot read the request's body as JSON: nested deeper than {DEPTH_MAX}")


def _children(value: Json) -> Iterator[Json]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _may_hold_bad_text(text: str) -> bool:
    # UTF-8 itself cannot carry half a pair, and JSON no raw NUL: only an escape can.
    return "\\u" in text and any(escape in text for escape in ("\\u0000", "\\ud", "\\uD"))


def _is_bad(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"


def _refuse_bad_text(value: Json, place: str = "body") -> None:
    if isinstance(value, str):
        if any(map(_is_bad, value)):
            raise Invalid(
                "invalid_parameters", f"invalid {place}: text without NUL and half surrogate pairs expected, found one"
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_bad_text(key, place)
            _refuse_bad_text(inner, f"{place}.{key[:40]}")
    elif isinstance(value, list):
        for inner in value:
            _refuse_bad_text(inner, place)


def _mended(value: Json) -> Json:
    if isinstance(value, str):
        return "".join("\ufffd" if _is_bad(character) else character for character in value)
    if isinstance(value, dict):
        return {str(_mended(key)): _mended(inner) for key, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list) else value
