"""The HTTP server around the model: one thread per request, so that any number of conversations run at once."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from support.model_stand_in.answers import error_body
from support.model_stand_in.dialects import Call, call_of
from support.model_stand_in.model import Decision, count_tokens, decide
from support.model_stand_in.records import RecordedRequest, without_secrets
from support.model_stand_in.wire import Json, JsonObject, read_object


class ModelStandIn:
    """A running stand-in: knows its address, what it was asked, and how to end.

    It answers from the prompt alone, so resumed and concurrent conversations need nothing from it.
    """

    def __init__(self, port: int = 0) -> None:
        self._arrival = threading.Condition()
        self._requests: list[RecordedRequest] = []
        self._errors_given: dict[str, int] = {}
        self._limits: dict[str, float] = {}
        self.refusals = 0
        """How often somebody was refused because a limit was used up."""
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        # A client that was killed in a model call leaves its thread behind in a write; nobody should wait for it.
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="model-stand-in")

    def __enter__(self) -> ModelStandIn:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the client must send its requests: the value of ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, in the order of arrival."""
        with self._arrival:
            return list(self._requests)

    @property
    def model_calls(self) -> list[RecordedRequest]:
        """The requests that asked the model for an answer."""
        return [request for request in self.requests if request.is_model_call]

    def forget(self) -> None:
        """Drop what was recorded so far."""
        with self._arrival:
            self._requests.clear()
            self._errors_given.clear()
            self._limits.clear()
            self.refusals = 0

    def wait_for(self, wanted: Callable[[RecordedRequest], bool], timeout_seconds: float = 30) -> RecordedRequest:
        """Wait until a request of some kind has arrived, and return the first of them.

        Errors:  TimeoutError, if none came in time.
        """
        with self._arrival:
            found = self._arrival.wait_for(lambda: next(filter(wanted, self._requests), None), timeout_seconds)
            if found is None:
                paths = [request.path for request in self._requests]
                raise TimeoutError(f"no such request within {timeout_seconds} s; these arrived: {paths}")
            return found

    def wait_for_model_call(self, timeout_seconds: float = 30) -> RecordedRequest:
        """Wait until the model was asked for the first time.

        Errors:  TimeoutError, if nobody asked in time.
        """
        return self.wait_for(lambda request: request.is_model_call, timeout_seconds)

    def record(self, request: RecordedRequest) -> None:
        """Remember a request and wake those who wait for it."""
        with self._arrival:
            self._requests.append(request)
            self._arrival.notify_all()

    def think(self, seconds: float) -> bool:
        """Let time pass, and say whether the stand-in is still wanted afterwards."""
        return not self._closing.wait(seconds)

    def limit_of(self, credential: str, use_up_seconds: float) -> float | None:
        """When an account's limit begins anew, in seconds since 1970; None while it is not used up."""
        now = time.time()
        with self._arrival:
            if use_up_seconds:
                self._limits.setdefault(credential, now + use_up_seconds)
            until = self._limits.get(credential, 0.0)
            self.refusals += now < until
        return until if now < until else None

    def owes_failure(self, decision: Decision, body: JsonObject) -> bool:
        """Whether the script's error is due, or was given as often as it asks for."""
        failure = decision.failure
        if failure is None or failure.times is None:
            return failure is not None
        key = json.dumps(body.get("messages"))
        with self._arrival:
            given = self._errors_given.get(key, 0)
            self._errors_given[key] = given + 1
        return given < failure.times


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: ModelStandIn

    def do_HEAD(self) -> None:
        self._record({})
        self._send_json(200, None)

    def do_GET(self) -> None:
        self._record({})
        self._send_json(404, error_body(404, f"the stand-in has no {self.path!r}"))

    def do_POST(self) -> None:
        try:
            body = read_object(self.rfile.read(int(self.headers.get("content-length") or 0)), "the request's body")
            self._record(body)
            self._answer(body)
        except ValueError as error:
            self._send_json(400, error_body(400, str(error)))
        except (BrokenPipeError, ConnectionResetError):
            # The client went away, which is what many tests are about.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing: the records are the log."""

    def _record(self, body: JsonObject) -> None:
        headers, credential = without_secrets(dict(self.headers.items()))
        self.stand_in.record(
            RecordedRequest(self.command, self.path, headers, body, time.monotonic(), credential=credential)
        )

    def _answer(self, body: JsonObject) -> None:
        path = self.path.split("?")[0]
        call = call_of(path, body)
        if call is not None:
            self._answer_as_model(call, body)
        elif path == "/v1/messages/count_tokens":
            self._send_json(200, {"input_tokens": count_tokens(body)})
        elif path.endswith(":countTokens"):
            self._send_json(200, {"totalTokens": count_tokens(body)})
        else:
            self._send_json(404, error_body(404, f"the stand-in has no {path!r}"))

    def _answer_as_model(self, call: Call, body: JsonObject) -> None:
        asked = call.dialect.to_messages(body)
        decision = decide(asked)
        failure = decision.failure
        if decision.think_seconds and not self.stand_in.think(decision.think_seconds):
            self.close_connection = True
        elif (until := self.stand_in.limit_of(self._credential(), decision.limit_seconds)) is not None:
            self._send_json(429, call.dialect.error_body(429, "the limit is used up"), _told_of(until))
        elif failure and self.stand_in.owes_failure(decision, asked):
            self._send_json(failure.status, call.dialect.error_body(failure.status, failure.message))
        elif call.is_streamed:
            self._stream(call, decision)
        elif decision.is_always_cut:
            self.close_connection = True
        else:
            self._send_json(200, call.dialect.as_object(decision.answer))

    def _stream(self, call: Call, decision: Decision) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        # No length and no chunks: the end of the connection is the end of the answer.
        self.send_header("connection", "close")
        self.end_headers()
        events = list(call.dialect.as_events(decision.answer))
        for event in events[: len(events) // 2] if decision.is_cut else events:
            self.wfile.write(event)
            self.wfile.flush()
        self.close_connection = True

    def _credential(self) -> str:
        return self.headers.get("authorization") or self.headers.get("x-api-key") or ""

    def _send_json(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


def _told_of(until: float) -> Mapping[str, str]:
    """What the API tells beside a refusal: the account's 5-hour window, and when it begins anew."""
    at = str(math.ceil(until))
    return {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": at,
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
        "anthropic-ratelimit-unified-5h-status": "rejected",
        "anthropic-ratelimit-unified-5h-reset": at,
        "retry-after": str(math.ceil(until - time.time())),
    }


def _handler_of(stand_in: ModelStandIn) -> type[_Handler]:
    return type("Handler", (_Handler,), {"stand_in": stand_in})
