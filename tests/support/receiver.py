"""A place outside that is told of news: a real server on a real socket, which answers as a test wants it to."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

HEAD_END = b"\r\n\r\n"
PIECE = b"x" * 65_536
GIGABYTE = 1 << 30


@dataclass(frozen=True)
class Got:
    """One request; `headers` by their names in small letters."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Keeps what it gets; `answer` writes what it says, by default that all is well."""

    def __init__(
        self,
        answer: "Callable[[Receiver, socket.socket], None] | None" = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.got: list[Got] = []
        self.sent_bytes = 0
        self.at_once_max = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._answer = answer or answering(204)
        self._closing = threading.Event()
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    @property
    def ids(self) -> list[str]:
        """What it was told, by the ids of the deliveries, in order."""
        return [one.headers["webhook-id"] for one in list(self.got)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # Who waits for a caller would keep the port open.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def change(self, answer: "Callable[[Receiver, socket.socket], None]") -> None:
        """Answer otherwise from now on."""
        self._answer = answer

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(line,), daemon=True).start()

    def _take(self, line: socket.socket) -> None:
        try:
            with line if self._tls is None else self._tls.wrap_socket(line, server_side=True) as whole:
                got = _read(whole)
                if got is not None:
                    self._enter(got)
                    self._answer(self, whole)
        except OSError:
            line.close()
        finally:
            self._leave()

    def _enter(self, got: Got) -> None:
        with self._lock:
            self.got.append(got)
            self._at_once += 1
            self.at_once_max = max(self.at_once_max, self._at_once)

    def _leave(self) -> None:
        with self._lock:
            self._at_once = max(self._at_once - 1, 0)


def answering(status: int, *headers: str) -> Callable[[Receiver, socket.socket], None]:
    """Answer with a status and these lines."""
    lines = [f"HTTP/1.1 {status} Said", *headers, "Content-Length: 0"]

    def answer(_receiver: Receiver, line: socket.socket) -> None:
        line.sendall("\r\n".join(lines).encode() + HEAD_END)

    return answer


def never(_receiver: Receiver, line: socket.socket) -> None:
    """Take the request and say nothing, until whoever sent it has had enough."""
    line.recv(1)


def flooding(head: bytes) -> Callable[[Receiver, socket.socket], None]:
    """Say this, and then a gigabyte."""

    def answer(receiver: Receiver, line: socket.socket) -> None:
        line.sendall(head)
        while receiver.sent_bytes < GIGABYTE:
            receiver.sent_bytes += line.send(PIECE)

    return answer


def _read(line: socket.socket) -> Got | None:
    content = b""
    while HEAD_END not in content:
        piece = line.recv(65_536)
        if not piece:
            return None
        content += piece
    head, _, body = content.partition(HEAD_END)
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    while len(body) < int(headers["content-length"]):
        body += line.recv(65_536)
    return Got(first.split(" ")[1], headers, body)
