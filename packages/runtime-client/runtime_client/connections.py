"""Kept connections to one runtime: straight or through a proxy, over plain HTTP or TLS, each for one call at a time."""

import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse

from runtime_client.address import RuntimeAddress
from runtime_client.connection import Connection
from runtime_client.way import Way, way_to

CONNECT_SECONDS = 5.0
KEPT_SECONDS = 15.0
KEPT_CONNECTIONS = 16


class NotConnectedError(OSError):
    """There was no connection, so nothing of the call can have arrived."""


class Connections:
    """Opens connections, lends each to one call, and keeps it for the next one; safe to share between threads."""

    def __init__(self, address: RuntimeAddress, proxy: str | None) -> None:
        self._way: Way = way_to(address, proxy)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        self._lent: set[Connection] = set()

    @contextmanager
    def answer(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], read_seconds: float
    ) -> Iterator[HTTPResponse]:
        """Send a request and yield its answer, of which only the head has been read.

        Units:   `read_seconds` bounds each wait for bytes.
        Errors:  NotConnectedError; other OSError and http.client.HTTPException, also while the answer is read.
        """
        connection = self._borrow()
        is_read = False
        try:
            connection.sock.settimeout(read_seconds)
            connection.request(method, self._way.prefix + target, body, {**self._way.headers, **headers})
            connection.flush()
            with connection.getresponse() as response:
                yield response
                is_read = response.isclosed()
        finally:
            self._give_back(connection, is_usable=is_read and connection.sock is not None)

    def close(self) -> None:
        """Close all connections, and end the answers that others still read."""
        with self._lock:
            idle, self._idle = self._idle, []
            lent = list(self._lent)
        for _, connection in idle:
            connection.close()
        for connection in lent:
            connection.hang_up()

    def _borrow(self) -> Connection:
        connection = self._kept() or self._connect()
        with self._lock:
            self._lent.add(connection)
        return connection

    def _kept(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < KEPT_SECONDS and not _has_something_to_read(connection.sock):
                return connection
            connection.close()

    def _connect(self) -> Connection:
        try:
            connection = self._way.connection(CONNECT_SECONDS)
            connection.connect()
        except (OSError, HTTPException) as cause:
            raise NotConnectedError(str(cause) or type(cause).__name__) from cause
        return connection

    def _give_back(self, connection: Connection, *, is_usable: bool) -> None:
        """Take back what was lent; of use is what an answer was read from to its end, and the runtime left open."""
        with self._lock:
            self._lent.discard(connection)
            if is_usable and len(self._idle) < KEPT_CONNECTIONS:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()


def _has_something_to_read(kept: socket.socket) -> bool:
    """Say whether the other end hung up, or sent what nobody asked for."""
    waiting = select.poll()
    waiting.register(kept, select.POLLIN)
    return bool(waiting.poll(0))
