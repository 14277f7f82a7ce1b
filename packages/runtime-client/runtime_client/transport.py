"""One HTTP call to the runtime, with everything that can go wrong turned into one sentence."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import BadStatusLine, HTTPException, HTTPResponse, RemoteDisconnected
from typing import NoReturn, TypeVar
from urllib.parse import urlencode

from runtime_client.address import RuntimeAddress
from runtime_client.connections import Connections, NotConnectedError
from runtime_client.errors import (
    NotTheRuntimeError,
    RefusedError,
    RuntimeUnreachableError,
    UnauthorizedError,
    UnavailableError,
)
from runtime_client.proxies import proxy_of
from runtime_client.unreachable import advice
from runtime_client.wire import Json, JsonObject

CALL_SECONDS = 10.0

Value = TypeVar("Value")


@dataclass(frozen=True)
class Call:
    """One request, before it is sent.

    Units:   `read_seconds` bounds each wait for bytes, not the whole call.
    """

    method: str
    path: str
    body: JsonObject | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    read_seconds: float = CALL_SECONDS


@dataclass(frozen=True)
class Answer:
    """A successful answer: its status, its headers in lower case, and its body."""

    http_status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Sends calls to one runtime over kept connections; it knows HTTP, not what the calls mean."""

    def __init__(self, address: RuntimeAddress) -> None:
        self.address = address
        self._headers = _headers_of(address)
        # A proxy from the environment must not stand between two programs of one machine.
        proxy = None if address.is_loopback else proxy_of(address.url, os.environ)
        self._connections = Connections(address, proxy)

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def send(self, call: Call) -> Answer:
        """Send a call and return its successful answer.

        Errors:  RuntimeClientError.
        """
        return self._reached(lambda: self._sent(call))

    def send_for_json(self, call: Call) -> JsonObject:
        """Send a call and return the object in its answer.

        Errors:  RuntimeClientError.
        """
        return self.parsed(call, self.send(call))

    def parsed(self, call: Call, answer: Answer) -> JsonObject:
        """Return the object in an answer.

        Errors:  NotTheRuntimeError.
        """
        parsed = _parsed(answer.content)
        if parsed is None:
            raise self._not_the_runtime(call, answer.http_status, answer.headers)
        return parsed

    @contextmanager
    def lines(self, call: Call) -> Iterator[Iterator[str]]:
        """Open an endless answer and yield its lines as they come.

        Errors:  RuntimeClientError, also while the lines are read.
        """
        with ExitStack() as open_answer:
            answer = self._answer(call, {**self._headers, "Accept": "text/event-stream"})
            response = self._reached(lambda: open_answer.enter_context(answer))
            headers = _lowered(response)
            content = b"" if response.status < 400 else self._reached(response.read)
            self._raise_for_refusal(call, response.status, headers, content)
            if not headers.get("content-type", "").startswith("text/event-stream"):
                raise self._not_the_runtime(call, response.status, headers)
            yield self._lines_of(response)

    def _lines_of(self, response: HTTPResponse) -> Iterator[str]:
        while line := self._reached(response.readline):
            yield line.decode("utf-8", errors="replace").rstrip("\r\n")

    def _reached(self, work: Callable[[], Value]) -> Value:
        try:
            return work()
        except (OSError, HTTPException) as cause:
            self._raise_unreachable(cause)

    def _sent(self, call: Call) -> Answer:
        with self._answer(call, self._headers) as response:
            content = response.read()
        headers = _lowered(response)
        self._raise_for_refusal(call, response.status, headers, content)
        return Answer(response.status, headers, content)

    def _answer(self, call: Call, headers: Mapping[str, str]) -> AbstractContextManager[HTTPResponse]:
        query = "?" + urlencode(call.parameters, errors="replace") if call.parameters else ""
        content_type = {} if call.body is None else {"Content-Type": "application/json"}
        body = None if call.body is None else _encoded(call.body)
        return self._connections.answer(
            call.method, call.path + query, body, {**headers, **content_type, **call.headers}, call.read_seconds
        )

    def _raise_unreachable(self, cause: OSError | HTTPException) -> NoReturn:
        raise RuntimeUnreachableError(
            f"cannot reach the Agent Runtime at {self.address.url!r}: {_found(cause)} ({advice(self.address, cause)})",
            # Only where no connection was made is it certain that the request did not arrive.
            was_sent=not isinstance(cause, NotConnectedError),
        ) from cause

    def _raise_for_refusal(self, call: Call, status: int, headers: Mapping[str, str], content: bytes) -> None:
        if status < 300:
            return
        if status == 401:
            raise UnauthorizedError(self._sentence_for_401())
        body = _parsed(content) or {}
        code = body.get("code")
        detail = body.get("detail")
        if status >= 500 or status == 429:
            sentence = detail if isinstance(detail, str) else f"HTTP {status}"
            raise UnavailableError(
                f"the Agent Runtime at {self.address.url!r} cannot answer {call.method} {call.path!r}: {sentence}"
                " (try again later)"
            )
        if not isinstance(code, str) or not isinstance(detail, str):
            raise self._not_the_runtime(call, status, headers)
        raise RefusedError(detail, code=code, http_status=status)

    def _sentence_for_401(self) -> str:
        shown = f"the token from {self.address.token_source}" if self.address.token else "no token"
        return (
            f"the Agent Runtime at {self.address.url!r} did not accept {shown}"
            " (set AGENT_RUNTIME_TOKEN to the contents of the file 'token' in the runtime's data folder,"
            " or AGENT_RUNTIME_DATA_DIR to that folder)"
        )

    def _not_the_runtime(self, call: Call, status: int, headers: Mapping[str, str]) -> NotTheRuntimeError:
        kind = headers.get("content-type", "no content type")
        return NotTheRuntimeError(
            f"expected the Agent Runtime to answer {call.method} {call.path!r} at {self.address.url!r},"
            f" found HTTP {status} with {kind!r} (is a proxy or another program on that port? check AGENT_RUNTIME_URL)"
        )


def _headers_of(address: RuntimeAddress) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if address.token:
        headers["Authorization"] = f"Bearer {address.token}"
    if address.session_name:
        # Who asks: a parent that reads its child's result by itself gets no callback for it.
        headers["X-Agent-Session-Name"] = address.session_name
    return headers


def _lowered(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _found(cause: OSError | HTTPException) -> str:
    if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
        return f"expected an answer of HTTP, found {str(cause)!r}"
    return str(cause) or type(cause).__name__


def _encoded(body: JsonObject) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def _parsed(content: bytes) -> JsonObject | None:
    try:
        parsed: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
