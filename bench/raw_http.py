"""The cheapest client that can be written here, so that it is not the client that is measured."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TypeAlias

BUFFER_BYTES = 1 << 16

Body: TypeAlias = dict[str, object] | list[dict[str, object]]


class Connection:
    """One kept-alive connection; requests may be written ahead of their answers."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._received = b""

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def post(self, path: str, body: Body) -> dict[str, object]:
        """One request, one answer."""
        return next(self.post_all(path, [body]))

    def post_all(self, path: str, bodies: Sequence[Body]) -> Iterator[dict[str, object]]:
        """Start to write all requests now; their answers are read as the caller asks for them."""
        requests = b"".join(self._request(path, json.dumps(body).encode()) for body in bodies)
        writing = threading.Thread(target=self._socket.sendall, args=(requests,))
        writing.start()
        return self._answers(len(bodies), writing)

    def get(self, path: str) -> dict[str, object]:
        """One question, one answer."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())
        return self._answer()

    def stream(self, path: str) -> Iterator[tuple[int, dict[str, object]]]:
        """The events of a stream, each with the nanosecond at which it arrived; the first item is an empty greeting."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nAccept: text/event-stream\r\n{self._head}\r\n".encode())
        head, _, self._received = self._read_past(b"\r\n\r\n")
        assert b" 200 " in head, head.decode(errors="replace")
        yield time.monotonic_ns(), {}
        while part := self._socket.recv(BUFFER_BYTES):
            now = time.monotonic_ns()
            *lines, self._received = (self._received + part).split(b"\n")
            for text in lines:
                if text.startswith(b"data:"):
                    yield now, json.loads(text[5:])

    def _answers(self, count: int, writing: threading.Thread) -> Iterator[dict[str, object]]:
        for _ in range(count):
            yield self._answer()
        writing.join()

    def _request(self, path: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _answer(self) -> dict[str, object]:
        head, _, rest = self._read_past(b"\r\n\r\n")
        length = next(int(text[15:]) for text in head.lower().split(b"\r\n") if text.startswith(b"content-length:"))
        while len(rest) < length:
            rest += self._socket.recv(BUFFER_BYTES)
        self._received = rest[length:]
        assert head[9:10] == b"2", f"{head.decode(errors='replace')}\n{rest[:length].decode(errors='replace')}"
        answer: dict[str, object] = json.loads(rest[:length])
        return answer

    def _read_past(self, mark: bytes) -> tuple[bytes, bytes, bytes]:
        while mark not in self._received:
            part = self._socket.recv(BUFFER_BYTES)
            if not part:
                raise ConnectionError("the runtime closed the connection")
            self._received += part
        return self._received.partition(mark)


class CompletionWatch:
    """Notes the moment at which each job's end became visible to a client of the event stream."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = Connection(port, token)
        self._seen: dict[str, int] = {}
        self._changed = threading.Condition()
        listening = threading.Event()
        threading.Thread(target=self._listen, args=(listening,), name="completion-watch", daemon=True).start()
        listening.wait()

    def wait_for(self, count: int, seconds: float = 120.0) -> dict[str, int]:
        """Wait until so many jobs have ended."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self._seen) >= count, seconds)
            if not enough:
                raise TimeoutError(f"only {len(self._seen)} of {count} jobs ended within {seconds:g} s")
            return dict(self._seen)

    def _listen(self, listening: threading.Event) -> None:
        for at_ns, event in self._connection.stream("/events/stream?types=job.completed,job.failed"):
            listening.set()
            if event.get("job_id"):
                with self._changed:
                    self._seen[str(event["job_id"])] = at_ns
                    self._changed.notify_all()
