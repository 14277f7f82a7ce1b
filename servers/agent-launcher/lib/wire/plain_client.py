"""Calls over plain HTTP that keep a total deadline and cost a third of httpx's own.

httpx limits each read, so a peer that drips a byte now and then holds a call for ever.
"""

from __future__ import annotations

import http.client
import json as json_format
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from lib.wire.models import JsonObject
from lib.wire.quick_httpx import httpx

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_IDLE_CONNECTIONS_MAX = 16
_CALL_SECONDS, _CONNECT_SECONDS = 10.0, 5.0


class _DeadlineSocket(socket.socket):
    """A connected socket whose every operation ends at one deadline."""

    deadline = 0.0

    def _limit(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call took longer than its limit")
        self.settimeout(left)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self._limit()
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self._limit()
        super().sendall(data, flags)


class _Connection(http.client.HTTPConnection):
    """One keep-alive connection; `uses` tells a fresh one from one that the peer may have closed meanwhile."""

    uses = 0

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._to_send: list[bytes] = []

    def begin(self, deadline: float, connect_seconds: float) -> None:
        if self.sock is None:
            limit = max(0.001, min(connect_seconds, deadline - time.monotonic()))
            raw = socket.create_connection((self.host, self.port), limit)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = _DeadlineSocket(fileno=raw.detach())
        if isinstance(self.sock, _DeadlineSocket):
            self.sock.deadline = deadline
        self.uses += 1

    def send(self, data: object) -> None:
        """Keep a part of a request: head and body in one piece wake the peer once."""
        assert isinstance(data, bytes)  # whatever else the base class would take, we send bytes only
        self._to_send.append(data)

    def flush(self) -> None:
        """Send the parts that were kept."""
        parts, self._to_send = self._to_send, []
        self.sock.sendall(b"".join(parts))


class PlainClient:
    """The calls of an `httpx.Client` to one peer over plain HTTP, without cookies, redirects and hooks.

    Connections are kept alive and shared by threads; a call's `read` timeout limits the whole call.
    """

    def __init__(self, base_url: str) -> None:
        base = httpx.URL(base_url)
        self._address = (base.host, base.port or 80)
        self._base_path = base.raw_path.decode("ascii").rstrip("/")
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        json: JsonObject | None,
        content: bytes | None,
        params: dict[str, str | int | float] | None,
        headers: dict[str, str],
        timeout: httpx.Timeout,
    ) -> httpx.Response:
        """Make one call.

        Errors:  httpx.TimeoutException past the limit; httpx.NetworkError and httpx.ProtocolError else.
        """
        target = self._base_path + quote(url) + (f"?{urlencode(params)}" if params else "")
        if json is not None:
            content, headers = json_format.dumps(json).encode(), {**headers, "Content-Type": "application/json"}
        deadline = time.monotonic() + (timeout.read or _CALL_SECONDS)
        while True:
            connection = self._take()
            try:
                connection.begin(deadline, timeout.connect or _CONNECT_SECONDS)
                connection.request(method, target, content, headers)
                return self._answer_of(connection)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # The peer may close an idle connection just as we use it. Every call of ours may be repeated.
                if not isinstance(error, ConnectionError) or connection.uses <= 1:
                    raise _as_httpx_says_it(error) from error

    def close(self) -> None:
        """Close the idle connections; those in use are closed by their calls."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _answer_of(self, connection: _Connection) -> httpx.Response:
        connection.flush()
        answer = connection.getresponse()
        content = answer.read()
        response = httpx.Response(answer.status, headers=answer.getheaders(), content=content)
        if answer.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return response

    def _take(self) -> _Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Connection(*self._address)

    def _give_back(self, connection: _Connection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _as_httpx_says_it(error: Exception) -> httpx.HTTPError:
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout(str(error) or "timed out")
    if isinstance(error, OSError):
        return httpx.NetworkError(str(error))
    return httpx.RemoteProtocolError(f"{type(error).__name__} {error}")
