"""An httpx transport for plain HTTP that keeps a total deadline and costs half of the stock one.

The stock transport limits each read, so a peer that drips a byte now and then holds a call for ever.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING, TypeAlias

from lib.quick_httpx import httpx

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_IDLE_CONNECTIONS_MAX = 16
_Address: TypeAlias = "tuple[str, int]"


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

    def begin(self, deadline: float, connect_seconds: float) -> None:
        if self.sock is None:
            limit = max(0.001, min(connect_seconds, deadline - time.monotonic()))
            raw = socket.create_connection((self.host, self.port), limit)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = _DeadlineSocket(fileno=raw.detach())
        if isinstance(self.sock, _DeadlineSocket):
            self.sock.deadline = deadline
        self.uses += 1


class DeadlineTransport(httpx.BaseTransport):
    """Sends requests over pooled keep-alive connections; a request's `read` timeout limits the whole call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[_Address, list[_Connection]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make one call.

        Errors:  httpx.TimeoutException past the limit; httpx.NetworkError and httpx.ProtocolError else.
        """
        connect_seconds, total_seconds = _limits(request)
        deadline = time.monotonic() + total_seconds
        address = (request.url.host, request.url.port or 80)
        while True:
            connection = self._take(address)
            try:
                return self._exchange(connection, request, deadline, connect_seconds)
            except TimeoutError as error:
                connection.close()
                raise httpx.ReadTimeout(str(error) or "timed out", request=request) from error
            except (ConnectionError, http.client.RemoteDisconnected) as error:
                connection.close()
                # The peer may close an idle connection just as we use it. Every call of ours may be repeated.
                if connection.uses <= 1:
                    raise httpx.NetworkError(str(error), request=request) from error
            except OSError as error:
                connection.close()
                raise httpx.NetworkError(str(error), request=request) from error
            except http.client.HTTPException as error:
                connection.close()
                raise httpx.RemoteProtocolError(f"{type(error).__name__} {error}", request=request) from error

    def close(self) -> None:
        """Close the idle connections; those in use are closed by their calls."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _exchange(
        self, connection: _Connection, request: httpx.Request, deadline: float, connect_seconds: float
    ) -> httpx.Response:
        connection.begin(deadline, connect_seconds)
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers.raw}
        connection.request(request.method, request.url.raw_path.decode("ascii"), request.content, headers)
        answer = connection.getresponse()
        content = answer.read()
        response = httpx.Response(answer.status, headers=answer.getheaders(), content=content, request=request)
        if answer.will_close:
            connection.close()
        else:
            self._give_back((connection.host, connection.port), connection)
        return response

    def _take(self, address: _Address) -> _Connection:
        with self._lock:
            idle = self._idle.get(address)
            if idle:
                return idle.pop()
        return _Connection(*address)

    def _give_back(self, address: _Address, connection: _Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(address, [])
            if len(idle) < _IDLE_CONNECTIONS_MAX:
                idle.append(connection)
                return
        connection.close()


def _limits(request: httpx.Request) -> tuple[float, float]:
    told = request.extensions.get("timeout")
    limits = told if isinstance(told, dict) else {}
    return float(limits.get("connect") or 5.0), float(limits.get("read") or 10.0)
