"""Whoever reaches the port can be slow, loud or many: it costs them their connection, and nobody else anything."""

import contextlib
import resource
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.desk import Desk, read
from support.runtime_process import RuntimeProcess

PATIENCE_SECONDS = 2
FILES = 400
MIB = 1024 * 1024
GROWTH_BYTES_MAX = 100 * MIB
# Far longer than the runtime's patience: only a connection that is never ended takes it all.
TEST_PATIENCE_SECONDS = 60


class SmallRuntime(RuntimeProcess):
    """A runtime that may open few files, and waits briefly for a request."""

    def spawn(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Begin a life with the limits of a small machine."""
        super().spawn(["sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", *command], environment, folder)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallRuntime]:
    process = SmallRuntime(tmp_path_factory.mktemp("small"), {"AGENT_RUNTIME_REQUEST_TIMEOUT": str(PATIENCE_SECONDS)})
    process.start()
    yield process
    process.leave_nothing()


@contextmanager
def unharmed(runtime: RuntimeProcess) -> Iterator[None]:
    """Afterwards it answers, has grown little, and has made no mistake."""
    memory = psutil.Process(runtime.pid).memory_info().rss
    yield
    with Desk(runtime.url, runtime.token) as desk:
        assert read(desk.get("/jobs", limit=1))["jobs"] is not None
    grown = psutil.Process(runtime.pid).memory_info().rss - memory
    assert grown < GROWTH_BYTES_MAX, f"{grown / MIB:.0f} MiB"
    assert not [word for word in ("mistake", "Traceback", "Exception") if word in runtime.log()]


def connect(runtime: RuntimeProcess) -> socket.socket:
    """A connection of somebody who speaks no HTTP library."""
    return socket.create_connection(("127.0.0.1", runtime.port), TEST_PATIENCE_SECONDS)


def rest_of(line: socket.socket) -> bytes:
    """What still comes, until the runtime ends the connection."""
    parts: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while part := line.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def say(runtime: RuntimeProcess, *parts: bytes) -> bytes:
    """Say something in one connection, as much of it as is taken, and give the whole answer."""
    with connect(runtime) as line:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                line.sendall(part)
        return rest_of(line)


def head(runtime: RuntimeProcess, request: str, *headers: str) -> bytes:
    """The head of a request with the user's token."""
    lines = (f"{request} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {runtime.token}", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


UNFINISHED = (
    b"",
    b"GET",
    b"GET /health HTTP/1.1\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: a",
    b"\r\n",
)


def test_who_does_not_finish_a_request_is_hung_up_on(small: SmallRuntime) -> None:
    with unharmed(small), contextlib.ExitStack() as open_lines:
        lines = [open_lines.enter_context(connect(small)) for _ in range(50)]
        for number, line in enumerate(lines):
            line.sendall(UNFINISHED[number % len(UNFINISHED)])
        with Desk(small.url, small.token) as desk:
            assert desk.get("/health").status_code == 200, "others are served meanwhile"

        assert {rest_of(line) for line in lines} == {b""}


def test_a_drop_now_and_then_does_not_keep_a_connection_open(small: SmallRuntime) -> None:
    drops = {b"GET /health HTTP/1.1\r\nX-Long: ": b"a", b"GET /health HTTP/1.1\r\n": b"X: y\r\n", b"": b"\r\n"}
    with unharmed(small), contextlib.ExitStack() as open_lines:
        lines = {open_lines.enter_context(connect(small)): beginning for beginning in drops}
        for line, beginning in lines.items():
            line.sendall(beginning)
            line.settimeout(PATIENCE_SECONDS / 20)
        while lines:
            # Waiting for the end of one is the pause between two drops of the others.
            lines = {line: beginning for line, beginning in lines.items() if is_kept_after(line, drops[beginning])}


def is_kept_after(line: socket.socket, drop: bytes) -> bool:
    """Whether the runtime still listens after a further drop."""
    try:
        line.sendall(drop)
        return line.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_a_body_that_does_not_come_is_a_typed_408(small: SmallRuntime) -> None:
    kind = "Content-Type: application/json"
    with unharmed(small), connect(small) as announced, connect(small) as chunked:
        announced.sendall(head(small, "POST /jobs", kind, "Content-Length: 100") + b"{")
        chunked.sendall(head(small, "POST /jobs", kind, "Transfer-Encoding: chunked") + b"1\r\n{\r\n")
        answers = (rest_of(announced), rest_of(chunked))

    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"body_too_slow" in answer


def test_a_rest_that_nobody_waits_for_is_not_read_for_ever(small: SmallRuntime) -> None:
    with unharmed(small):
        answer = say(small, head(small, "POST /nothing", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")

    assert answer.startswith(b"HTTP/1.1 404 ")


def flood(part: bytes, size: int) -> Iterable[bytes]:
    """The same again and again, until so many bytes are said."""
    heap = part * (65_536 // len(part))
    return (heap for _ in range(size // len(heap)))


def test_a_flood_of_headers_is_a_typed_431(small: SmallRuntime) -> None:
    first = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    with unharmed(small):
        moderate = say(small, first + b"X-A: b\r\n" * 9_000 + b"\r\n")
        for endless in (flood(b"X-A: b\r\n", 20 * MIB), flood(b"a", 20 * MIB), [b"X: ", *flood(b"a", 20 * MIB)]):
            assert b" 200 " not in say(small, first, *endless)

    assert moderate.startswith(b"HTTP/1.1 431 ")
    assert b'"code": "head_too_large"' in moderate


def test_a_path_without_end_is_refused(small: SmallRuntime) -> None:
    with unharmed(small):
        answer = say(small, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        endless = say(small, b"GET /", *flood(b"a", 20 * MIB))

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b" 200 " not in endless


@pytest.mark.parametrize("size", ["", "-5", "+5", "0x10", "9" * 40, "5, 5", "5\r\nContent-Length: 6"])
def test_a_length_that_is_none_is_refused(small: SmallRuntime, size: str) -> None:
    with unharmed(small):
        answer = say(small, head(small, "POST /jobs", "Content-Type: application/json", f"Content-Length: {size}"))

    assert answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "odd",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c\r\n\r\n\x00",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A\x00: b\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
    ids=lambda odd: repr(odd[:40]),
)
def test_what_is_no_request_is_refused(small: SmallRuntime, odd: bytes) -> None:
    with unharmed(small):
        answer = say(small, odd)

    assert answer.startswith(b"HTTP/1.1 4")
    assert b'"code": "' in answer


def test_two_names_of_the_host_are_refused(small: SmallRuntime) -> None:
    with unharmed(small):
        answer = say(small, head(small, "GET /jobs", "Host: evil.example", "Connection: close"))

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_headers_behind_a_body_are_not_heard(small: SmallRuntime) -> None:
    kind = ("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close")
    late = b"0\r\nAuthorization: Bearer %s\r\n\r\n" % small.token.encode()
    lines = "\r\n".join(("POST /prune HTTP/1.1", "Host: localhost", *kind, "", "")).encode()
    with unharmed(small):
        answer = say(small, lines + late)

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_heap_of_requests_at_once_is_answered_in_order(small: SmallRuntime) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with unharmed(small):
        answer = say(small, request * 500 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert answer.count(b"HTTP/1.1 200 ") == 501


def test_thousands_of_idle_connections_keep_nobody_out(small: SmallRuntime) -> None:
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = 2_000 if ours == resource.RLIM_INFINITY else min(2_000, ours - 300)
    with unharmed(small), contextlib.ExitStack() as open_lines:
        for number in range(count):
            line = open_lines.enter_context(connect(small))
            line.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" if number % 2 else b"")
        with Desk(small.url, small.token) as desk:
            desk.start()
        assert psutil.Process(small.pid).num_fds() < FILES


def test_who_works_is_not_hung_up_on_for_those_who_idle(small: SmallRuntime) -> None:
    with unharmed(small), connect(small) as watcher, contextlib.ExitStack() as open_lines:
        watcher.sendall(head(small, "GET /events/stream"))
        assert watcher.recv(12) == b"HTTP/1.1 200"
        for _ in range(FILES + 50):
            open_lines.enter_context(connect(small))
        with Desk(small.url, small.token) as desk:
            made = desk.start()

        heard = b""
        while str(made["job_id"]).encode() not in heard:
            heard += (part := watcher.recv(65_536))
            assert part, "the watcher was hung up on"
