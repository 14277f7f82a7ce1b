"""One connection to a runtime, over plain HTTP or TLS."""

import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection


class Connection(HTTPConnection):
    """Keeps what it is to send until `flush`: head and body in one piece wake the runtime once."""

    _unsent: bytes | None = None
    _connected: socket.socket | None = None

    def connect(self) -> None:
        """Connect, through the proxy if there is one.

        Errors:  OSError; http.client.HTTPException, of what the proxy answers.
        """
        try:
            super().connect()
        except BaseException:
            self.close()
            raise
        self._connected, self._unsent = self.sock, b""

    def send(self, data: object) -> None:
        """Keep a part of a request; what is said to a proxy before there is a connection is sent at once."""
        assert isinstance(data, bytes)  # whatever else the base class would take, we send bytes only
        if self._unsent is None:
            super().send(data)
        else:
            self._unsent += data

    def flush(self) -> None:
        """Send the parts that were kept; a wait for the other end to take some of it is bounded, not the whole."""
        left, self._unsent = memoryview(self._unsent or b""), b""
        while left:
            left = left[self.sock.send(left) :]

    def hang_up(self) -> None:
        """End the call that another thread makes over this connection, and its wait for an answer."""
        # `sock` is gone where the runtime said that there will be no further answer.
        if self._connected is not None:
            with suppress(OSError):
                self._connected.shutdown(socket.SHUT_RDWR)


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""
