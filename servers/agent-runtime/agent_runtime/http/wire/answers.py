"""How answers are written: what was asked for as JSON; all else in one shape, with a sentence and a code."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from agent_runtime.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    Problem,
    Refused,
    TooLarge,
    TooMuch,
    Unavailable,
    Unusable,
)
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.near_words import did_you_mean
from agent_runtime.http.wire.body_fields import fields_of_body

log = logging.getLogger(__name__)

STATUS_BY_PROBLEM: Mapping[type[Problem], int] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Refused: 403,
    TooLarge: 413,
    TooMuch: 429,
    Unavailable: 503,
    Unusable: 503,
}
CODE_BY_STATUS: Mapping[int, str] = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
_SHOWN_CHARACTERS = 40
_SECRET_FIELDS = frozenset({"token", "prompt", "authorization", "callback", "system_prompt"})


def answer(body: BaseModel, status: int = 200) -> Response:
    """Write an answer; a sparse one has only the fields that it was given."""
    return Response(body.model_dump_json(exclude_unset=isinstance(body, Sparse)), status, media_type="application/json")


class Sparse(BaseModel):
    """An answer that leaves out what it was not given; below its first level everything is there."""


class ErrorAnswer(BaseModel):
    """What every error looks like; some carry further facts, such as the right offset of a log."""

    model_config = ConfigDict(extra="allow")

    detail: str
    code: str


class HttpProblem(Problem):
    """A request that HTTP itself knows how to refuse."""

    def __init__(self, status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, sentence)
        self.status = status
        self.headers = dict(headers or {})


def error_answer(
    status: int,
    code: str,
    sentence: str,
    facts: Mapping[str, int | str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the answer for an error."""
    content = json.dumps({"detail": sentence, "code": code, **(facts or {})}, ensure_ascii=False)
    return Response(
        content.encode("utf-8", errors="replace"), status, headers=dict(headers or {}), media_type="application/json"
    )


def answer_for(problem: Problem) -> Response:
    """Turn what a verb refused into an answer."""
    if isinstance(problem, HttpProblem):
        return error_answer(problem.status, problem.code, str(problem), problem.facts, problem.headers)
    status = next(status for kind, status in STATUS_BY_PROBLEM.items() if isinstance(problem, kind))
    headers = {"Retry-After": str(problem.retry_after_seconds)} if isinstance(problem, TooMuch | Unavailable) else None
    return error_answer(status, problem.code, str(problem), problem.facts, headers)


def answers_together(told: Sequence[Response]) -> Response:
    """Put the answers to what could have been several calls into one, in their order."""
    answers = b",".join(b'{"status":%d,"body":%b}' % (one.status_code, bytes(one.body)) for one in told)
    return Response(b'{"answers":[%b]}' % answers, media_type="application/json")


def refusal_on_the_wire(problem: HttpProblem) -> bytes:
    """Write the whole answer to what is not even a request; the connection ends with it."""
    content = json.dumps({"detail": str(problem), "code": problem.code}).encode()
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content


def internal_error() -> Response:
    """Build the answer for a mistake of ours; its cause is in the log only."""
    return error_answer(500, "internal_error", "the runtime made a mistake; its log says which")


SENTENCE_BY_STATUS: Mapping[int, str] = {
    400: "The body is not JSON",
    401: "No token, or none that is known",
    403: "The caller may not do this",
    404: "What was named does not exist",
    405: "The path does not take this method",
    408: "The body came too slowly",
    409: "What was named is in a state that does not allow this",
    413: "The body is too large",
    415: "The body is of another type than JSON",
    422: "A parameter or field makes no sense; the sentence names it",
    429: "A limit is reached; try again later",
    500: "A mistake of the runtime",
    503: "The database cannot be used at the moment",
}
_ANYWHERE = (401, 403, 429, 500, 503)
_WITH_BODY = (400, 408, 413, 415)


def documented(*statuses: int, body: bool = False) -> dict[int | str, dict[str, object]]:
    """Describe the errors of a route for the OpenAPI document, those that any route can answer included."""
    numbers = sorted({*_ANYWHERE, *statuses, *(_WITH_BODY if body else ())})
    # By its name: FastAPI would build the same model anew for each status of each route, a quarter of a start's time.
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}}
    return {number: {"description": SENTENCE_BY_STATUS[number], "content": content} for number in numbers}


def install_error_answers(app: FastAPI) -> None:
    """Let every error of the app leave in the one shape."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_mistake)
    describe = app.openapi

    def describe_errors_too() -> dict[str, object]:
        document = describe()
        schemas = document["components"]["schemas"]
        schemas[ErrorAnswer.__name__] = ErrorAnswer.model_json_schema()
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        _leave_out_null(document)
        return document

    app.openapi = describe_errors_too  # type: ignore[method-assign]  # FastAPI's own way to add to the document


def _leave_out_null(document: Mapping[str, Any]) -> None:
    """Say of parameters that may be left out just that: in an address or a header there is no null."""
    for operations in document["paths"].values():
        for parameter in (one for operation in operations.values() for one in operation.get("parameters", ())):
            kinds = parameter["schema"].pop("anyOf", ())
            parameter["schema"].update(*(kind for kind in kinds if kind != {"type": "null"}))


async def _on_problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, Problem)
    return answer_for(error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = cast("Sequence[JsonObject]", error.errors())
    return error_answer(422, "invalid_parameters", invalid_sentence(errors, request.scope.get("endpoint")))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = CODE_BY_STATUS.get(error.status_code, "http_error")
    sentence = f"cannot {request.method} '{short(request.url.path)}': {error.detail}"
    return error_answer(error.status_code, code, sentence, headers=error.headers)


async def _on_mistake(request: Request, error: Exception) -> Response:
    del request, error
    return internal_error()


def invalid_sentence(errors: Sequence[JsonObject], endpoint: Callable[..., object] | None = None) -> str:
    """Say in one line which field was wrong, what was expected and what was found.

    Shape:   `endpoint` is the route's own function, which knows what fields there are.
    """
    # An unknown field first: it may be the reason why another one is missing.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = [str(part) for part in cast("Sequence[Json]", first["loc"])]
    field = ".".join(place[1:]) or place[0]
    if first["type"] == "extra_forbidden":
        known = fields_of_body(endpoint, place[1:-1]) if endpoint is not None else ()
        return f"invalid {place[0]}: there is no field '{short(field)}' here{did_you_mean(place[-1], known)}"
    expected = str(first["msg"])
    expected = expected.removeprefix("Value error, ")
    expected = expected[:1].lower() + expected[1:].removesuffix(".")
    if len(place) == 1 and first["type"] == "value_error":
        return f"invalid {place[0]}: {expected}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "missing":
        return f"invalid {place[0]}: '{short(field)}' is required{more}"
    secret = not _SECRET_FIELDS.isdisjoint(place)
    found = _found(first.get("input"), secret)
    return f"invalid {place[0]}: '{short(field)}': {short(expected, 200)}, found {found}{more}"


def invalid_body(error: ValidationError, endpoint: Callable[..., object]) -> Invalid:
    """Turn what a body's model has refused into the refusal that the framework would have made of it."""
    errors = cast("Sequence[JsonObject]", [{**one, "loc": ("body", *one["loc"])} for one in error.errors()])
    return Invalid("invalid_parameters", invalid_sentence(errors, endpoint))


def _found(value: Json, secret: bool) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"a text of {len(value)} characters" if secret or len(value) > _SHOWN_CHARACTERS else f"'{short(value)}'"
    if isinstance(value, bool | int | float):
        return f"'{short(str(value))}'"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "something else"


def short(text: str, limit: int = 80) -> str:
    """Make a text safe and short enough to stand in a sentence."""
    plain = "".join(character if character.isprintable() else "?" for character in text[:limit])
    return plain if len(text) <= limit else f"{plain}…"
