"""A runtime that answers what a test tells it to: for the answers that a healthy runtime never gives."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from support.waiting import wait_until

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Json]


@dataclass(frozen=True)
class Reply:
    """One answer; `hangs_up` closes the connection without a word."""

    body: Json | bytes = None
    http_status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs_up: bool = False


Route = Callable[[Asked], Reply]


class StandInRuntime:
    """An HTTP server on a free port with routes that a test sets; everything else is our own 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._routes: dict[tuple[str, str], Route] = {}
        self._lock = threading.Lock()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def route(self, method: str, path: str, *replies: Reply | Route) -> None:
        """Answer a path with these replies one after the other; the last one stays."""
        left = list(replies)

        def answer(asked: Asked) -> Reply:
            with self._lock:
                reply = left.pop(0) if len(left) > 1 else left[0]
            return reply if isinstance(reply, Reply) else reply(asked)

        self._routes[method, path] = answer

    def of(self, method: str, path: str) -> list[Asked]:
        """Return what was asked of a path so far."""
        with self._lock:
            return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]

    def wait_for(self, method: str, path: str, times: int = 1) -> list[Asked]:
        """Wait until a path was asked that often."""
        return wait_until(
            lambda: found if len(found := self.of(method, path)) >= times else None, f"{method} {path} is asked"
        )

    def start(self) -> None:
        """Begin to answer, on the same port as before."""
        self._server = serve(self._port, self._answer)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Be gone: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            route = self._routes.get((asked.method, asked.path))
        if route is None:
            return Reply({"detail": f"nothing at {asked.path!r}", "code": "not_found"}, 404)
        return route(asked)


@contextmanager
def stand_in_runtime() -> Iterator[StandInRuntime]:
    """Start a stand-in, and end it."""
    runtime = StandInRuntime()
    runtime.start()
    try:
        yield runtime
    finally:
        runtime.stop()


def serve(port: int, answer: Route) -> ThreadingHTTPServer:
    """Make a server on a port of this machine that answers everything with one route."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(
                self.command,
                unquote(parts.path),
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(content) if content else {},
            )
            reply = answer(asked)
            if reply.hangs_up:
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.http_status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(body)))
            # A stand-in that is stopped must be gone at once, kept connections included.
            self.send_header("Connection", "close")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError):  # Who asked has left meanwhile.
                self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _reply  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None:
            return

    ThreadingHTTPServer.allow_reuse_address = True
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
