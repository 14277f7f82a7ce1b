"""One HTTP call to the runtime, with everything that can go wrong turned into one sentence."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from runtime_client.address import RuntimeAddress
from runtime_client.errors import (
    NotTheRuntimeError,
    RefusedError,
    RuntimeUnreachableError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)
from runtime_client.proxies import proxy_of
from runtime_client.quick_httpx import httpx
from runtime_client.trust import trust
from runtime_client.unreachable import advice
from runtime_client.wire import Json, JsonObject

CONNECT_SECONDS = 5.0
CALL_SECONDS = 10.0


@dataclass(frozen=True)
class Call:
    """One request, before it is sent.

    Units:   `read_seconds` bounds each wait for bytes, not the whole call.
    """

    method: str
    path: str
    body: Json = None
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
        headers = {"Accept": "application/json"}
        if address.token:
            headers["Authorization"] = f"Bearer {address.token}"
        if address.session_name:
            # Who asks: a parent that reads its child's result by itself gets no callback for it.
            headers["X-Agent-Session-Name"] = address.session_name
        # A proxy from the environment must not stand between two programs of one machine.
        proxy = None if address.is_loopback else proxy_of(address.url, os.environ)
        self._http = _http_client(address, headers, proxy)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(self, call: Call) -> Answer:
        """Send a call and return its successful answer.

        Errors:  RuntimeClientError.
        """
        try:
            response = self._http.request(
                call.method,
                call.path,
                content=None if call.body is None else _encoded(call.body),
                params=dict(call.parameters),
                headers=_headers(call),
                timeout=_timeout(call),
            )
        except httpx.HTTPError as cause:
            self._raise_unreachable(cause)
        self._raise_for_refusal(call, response.status_code, response.headers, response.content)
        return Answer(response.status_code, response.headers, response.content)

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
        headers = {**call.headers, "Accept": "text/event-stream"}
        try:
            with self._http.stream(
                call.method, call.path, params=dict(call.parameters), headers=headers, timeout=_timeout(call)
            ) as response:
                content = b"" if response.status_code < 400 else response.read()
                self._raise_for_refusal(call, response.status_code, response.headers, content)
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise self._not_the_runtime(call, response.status_code, response.headers)
                yield response.iter_lines()
        except httpx.HTTPError as cause:
            self._raise_unreachable(cause)

    def _raise_unreachable(self, cause: httpx.HTTPError) -> NoReturn:
        # Only where no connection was made is it certain that the request did not arrive.
        was_sent = not isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        found = str(cause) or type(cause).__name__
        raise RuntimeUnreachableError(
            f"cannot reach the Agent Runtime at {self.address.url!r}: {found} ({advice(self.address, cause)})",
            was_sent=was_sent,
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


def _http_client(address: RuntimeAddress, headers: Mapping[str, str], proxy: str | None) -> httpx.Client:
    try:
        # With a transport of its own, the client leaves the proxies of the environment alone.
        transport = httpx.HTTPTransport(verify=trust(address), proxy=proxy)
        return httpx.Client(base_url=address.url, headers=headers, transport=transport)
    except httpx.InvalidURL as cause:
        raise UsageError(f"cannot use AGENT_RUNTIME_URL {address.url!r}: {cause}") from cause
    except OSError as cause:
        raise UsageError(
            f"cannot read the certificates to trust: {cause.strerror or cause} (look at SSL_CERT_FILE and SSL_CERT_DIR)"
        ) from cause


def _encoded(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def _headers(call: Call) -> dict[str, str]:
    content_type = {} if call.body is None else {"Content-Type": "application/json"}
    return {**content_type, **call.headers}


def _timeout(call: Call) -> httpx.Timeout:
    return httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS, read=call.read_seconds)


def _parsed(content: bytes) -> JsonObject | None:
    try:
        parsed: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
