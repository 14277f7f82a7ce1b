"""One connection of a client: it may not be slow for ever, send heads without end, or keep others out."""

import asyncio
import resource
from collections import OrderedDict

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from agent_runtime.http.wire.answers import HttpProblem, refusal_on_the_wire

HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers together; browsers and proxies send a few KiB."""
_CONNECTIONS_MAX = 10_000
_CONNECTIONS_MIN = 16
_SPARE_FILES = 128
# What one read may bring besides: the body of the request before.
_READ_BYTES_MAX = 256 * 1024


class Room:
    """Counts connections; when there is no room for a new one, the one that has been idle longest makes room."""

    def __init__(self, connections_max: int) -> None:
        self._max = connections_max
        self._all = 0
        self._idle: OrderedDict[Connection, None] = OrderedDict()

    def enter(self, connection: "Connection") -> None:
        """Let a connection in."""
        self._all += 1
        if self._all > self._max:
            # With everybody at work the new one is the only idle one, and goes itself.
            (self._idle.popitem(last=False)[0] if self._idle else connection).close()
        self._idle[connection] = None

    def leave(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""
        self._all -= 1
        self._idle.pop(connection, None)

    def works(self, connection: "Connection") -> None:
        """Note that a whole head of a request has come."""
        self._idle.pop(connection, None)

    def rests(self, connection: "Connection") -> None:
        """Note that everything was answered."""
        self._idle[connection] = None


def connections_max() -> int:
    """Take more files than a shell gives, and tell how many connections they are enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS_MAX + _SPARE_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(_CONNECTIONS_MIN, files - _SPARE_FILES)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with a limit for the time and the size of what comes before a request can be answered."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        room: Room,
        patience_seconds: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._room = room
        self._patience_seconds = patience_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._awaits_head = True
        self._head_bytes = 0
        self._url_bytes = 0
        self._unread_bytes = 0
        self._refusal: HttpProblem | None = None

    def close(self) -> None:
        """End it, after what was already said."""
        self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._room.enter(self)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._room.leave(self)
        self._relax()

    def data_received(self, data: bytes) -> None:
        # Whatever comes to a connection at rest, also an empty line, must become a request in time.
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._expect()
        super().data_received(data)
        # A name or a value without an end is told to nobody until it ends: what was read is counted.
        self._unread_bytes = self._unread_bytes + len(data) if self._awaits_head else 0
        if self._unread_bytes > HEAD_BYTES_MAX + _READ_BYTES_MAX and not self.transport.is_closing():
            self._refusal = _head_too_large()
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaits_head = True
        self._head_bytes = 0
        self._url_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        if not url.startswith(b"/") and not self._url_bytes:
            # The whole address, as for a proxy: it names a host of its own, beside the one that is checked.
            self._refusal = HttpProblem(
                400, "bad_request", "the request names no path: one that begins with '/' is taken"
            )
            raise self._refusal
        self._url_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Headers behind a body come too late to be checked, and mean nothing here.
        if self._awaits_head:
            self._count(len(name) + len(value) + 4)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaits_head = False
        self._relax()
        self._room.works(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._relax()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        self._room.rests(self)
        # Answered before all of it had come: the rest is read and thrown away, but not for ever.
        if self.cycle.more_body:
            self._expect()

    def send_400_response(self, msg: str) -> None:
        del msg
        problem, self._refusal = self._refusal, None
        self.transport.write(refusal_on_the_wire(problem or _not_http()))
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refusal = _head_too_large()
            raise self._refusal

    def _expect(self) -> None:
        self._relax()
        self._deadline = self.loop.call_later(self._patience_seconds, self._give_up)

    def _relax(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()


def _head_too_large() -> HttpProblem:
    return HttpProblem(
        431, "head_too_large", f"the request's line and headers are too large: at most {HEAD_BYTES_MAX} bytes are taken"
    )


def _not_http() -> HttpProblem:
    return HttpProblem(400, "bad_request", "this is not a request of HTTP/1.1")
