"""A small runtime over a real socket: it speaks the protocol and misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from launcher_rig.fake_jobs import FakeJobs, Refusal
from lib.wire.models import Json, JsonObject

POLL_SECONDS = "30"


class Fault(Enum):
    """What goes wrong with one call."""

    LOST_REQUEST = "the connection is cut before anything is done"
    LOST_ANSWER = "all is done, and the connection is cut"
    HALF_ANSWER = "all is done, and half of the answer's body comes"
    PROXY_PAGE = "an HTML page with status 200"
    BAD_GATEWAY = "an HTML page with status 502"
    HTML_404 = "an HTML page with status 404"
    UNAUTHORIZED = "a typed 401"
    SERVER_ERROR = "a typed 500"
    TOO_MANY = "a typed 429"
    FORGOTTEN = "a 401 without a code"


_CANNED = {
    Fault.PROXY_PAGE: (200, "text/html", b"<html>please log in</html>"),
    Fault.BAD_GATEWAY: (502, "text/html", b"<html>bad gateway</html>"),
    Fault.HTML_404: (404, "text/html", b"<html>not here</html>"),
    Fault.UNAUTHORIZED: (401, "application/json", b'{"detail": "no token", "code": "unauthorized"}'),
    Fault.SERVER_ERROR: (500, "application/json", b'{"detail": "oops", "code": "internal_error"}'),
    Fault.FORGOTTEN: (401, "application/json", b'{"detail": "Launcher not registered"}'),
    Fault.TOO_MANY: (429, "application/json", b'{"detail": "slow down", "code": "rate_limited"}'),
}


@dataclass
class _Planned:
    call: str
    fault: Fault
    times: int


class FakeRuntime:
    """Serves `FakeJobs` over HTTP/1.1 with keep-alive; calls are named register, poll, started, …, log, heartbeat."""

    def __init__(self) -> None:
        self.jobs = FakeJobs()
        self.calls: list[str] = []
        self.authorizations: list[str | None] = []
        self.clock_offset_seconds = 0.0
        self._faults: list[_Planned] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> FakeRuntime:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, call: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls of a name go wrong."""
        with self._lock:
            self._faults.append(_Planned(call, fault, times))

    def heal(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._faults.clear()

    def count(self, call: str) -> int:
        """How often a call came in, faults included."""
        with self._lock:
            return self.calls.count(call)

    def next_fault(self, call: str, authorization: str | None) -> Fault | None:
        with self._lock:
            self.calls.append(call)
            self.authorizations.append(authorization)
            for planned in self._faults:
                if planned.call == call and planned.times > 0:
                    planned.times -= 1
                    return planned.fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, runtime: FakeRuntime) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runtime = runtime

    def handle_error(self, request: object, client_address: object) -> None:
        """A launcher that is killed cuts its connections; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the time as this runtime's machine has it."""
        return super().date_time_string((timestamp or time.time()) + self.server.runtime.clock_offset_seconds)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in the base class)
        """Tests read the launcher's log, not ours."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = url.path.strip("/").split("/")
        call = _call_of(self.command, parts)
        fault = self.server.runtime.next_fault(call, self.headers.get("Authorization"))
        if fault in _CANNED:
            status, kind, body = _CANNED[fault]
            self._answer(status, body, kind)
            return
        if fault is Fault.LOST_REQUEST:
            self.close_connection = True
            return
        try:
            status, answer = self._do(call, parts, parse_qs(url.query), raw)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        if fault is Fault.LOST_ANSWER:
            self.close_connection = True
            return
        body = b"" if answer is None else json.dumps(answer).encode()
        self._answer(status, body, "application/json", is_half=fault is Fault.HALF_ANSWER)

    def _do(
        self, call: str, parts: list[str], query: dict[str, list[str]], raw: bytes
    ) -> tuple[int, JsonObject | None]:
        jobs = self.server.runtime.jobs
        if call in ("health", "launchers"):
            return 200, {"status": "ok"}
        if call == "poll":
            slots = int(query["slots"][0]) if "slots" in query else None
            wait, batch = float(query.get("wait", [POLL_SECONDS])[0]), int(query.get("batch", ["1"])[0])
            answer = jobs.poll(query["launcher_id"][0], slots, wait, batch)
            return (204, None) if answer is None else (200, answer)
        if call == "log":
            is_jump = self.headers.get("X-Log-Skip") == "1"
            return 200, jobs.take_log(parts[2], int(query["offset"][0]), raw, is_jump=is_jump)
        if call == "goodbye":
            return 200, jobs.goodbye()
        body = _read_json(raw)
        if call == "register":
            return 200, jobs.register(body)
        if call == "heartbeat":
            return 200, jobs.heartbeat(body)
        return 200, jobs.report(call, parts[2], body)

    def _answer(self, status: int, body: bytes, kind: str, *, is_half: bool = False) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_half else body)
        self.close_connection = self.close_connection or is_half


def _call_of(method: str, parts: list[str]) -> str:
    if method == "DELETE":
        return "goodbye"
    if parts[:2] == ["launcher", "jobs"]:
        return "poll" if len(parts) == 2 else parts[3]
    return parts[-1]


def _read_json(raw: bytes) -> JsonObject:
    told: Json = json.loads(raw or b"{}")
    return told if isinstance(told, dict) else {}
