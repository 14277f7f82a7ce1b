"""How the runtime is reached: over kept connections, through proxies, and over TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from runtime_client.address import RuntimeAddress
from runtime_client.errors import RuntimeUnreachableError, UsageError
from runtime_client.transport import Call, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
HEALTH = Call("GET", "/health")


@contextmanager
def peer(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a port that does one thing, with its listener, from a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(30)
    assert not thread.is_alive()


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def test_calls_share_a_connection_and_one_that_the_runtime_closed_meanwhile_costs_nobody_an_error() -> None:
    connections: list[int] = []
    closed = threading.Event()

    def serve(listener: socket.socket) -> None:
        for calls in (2, 1):
            connection, _ = listener.accept()
            with connection:
                for _ in range(calls):
                    read_head(connection)
                    connection.sendall(OK)
                connections.append(calls)
            closed.set()

    with peer(serve) as port:
        transport = Transport(RuntimeAddress(f"http://127.0.0.1:{port}"))
        answers = [transport.send(HEALTH).content, transport.send(HEALTH).content]
        assert closed.wait(30)
        answers.append(transport.send(HEALTH).content)
        transport.close()

    assert answers == [b"{}"] * 3
    assert connections == [2, 1]


@pytest.mark.parametrize("said", [b"", OK[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"])
def test_an_answer_that_is_cut_off_is_no_answer(said: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            read_head(connection)
            connection.sendall(said)

    with peer(serve) as port, pytest.raises(RuntimeUnreachableError) as caught:
        Transport(RuntimeAddress(f"http://127.0.0.1:{port}")).send(HEALTH)

    assert caught.value.was_sent
    assert "it hung up without an answer" in str(caught.value)


def test_what_speaks_no_http_is_quoted() -> None:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            read_head(connection)
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with peer(serve) as port, pytest.raises(RuntimeUnreachableError, match=r"found '220 mail\.example ESMTP"):
        Transport(RuntimeAddress(f"http://127.0.0.1:{port}")).send(HEALTH)


def test_closing_ends_the_wait_of_whoever_still_listens() -> None:
    listening = threading.Event()
    heard: list[str] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xe2\x80\xa8\n")
            connection.recv(1)

    def listen(transport: Transport) -> None:
        with transport.lines(Call("GET", "/events/stream")) as lines:
            for line in lines:
                heard.append(line)
                listening.set()

    with peer(serve) as port:
        transport = Transport(RuntimeAddress(f"http://127.0.0.1:{port}"))
        listener = threading.Thread(target=listen, args=(transport,))
        listener.start()
        assert listening.wait(30)
        transport.close()
        listener.join(30)

    assert not listener.is_alive()
    assert heard == ["data: \u2028"]


def test_a_runtime_over_tls_is_reached_through_a_proxy_that_gets_its_password_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("runtime.example").configure_cert(context)
    heads: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 connected\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secure:
            heads.append(read_head(secure))
            secure.sendall(OK)

    with peer(serve) as port:
        monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        address = RuntimeAddress("https://runtime.example/base", "token", ca_file=tmp_path / "ca.pem")
        transport = Transport(address)
        assert transport.send(HEALTH).content == b"{}"
        transport.close()

    assert heads[0].startswith(b"CONNECT runtime.example:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in heads[0]
    assert b"token" not in heads[0]
    assert heads[1].startswith(b"GET /base/health HTTP/1.1\r\n")
    assert b"Proxy-Authorization" not in heads[1]


def test_a_proxy_that_would_need_tls_within_tls_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://me:secret@proxy.example")

    with pytest.raises(UsageError, match=r"expected 'http://HOST:PORT' \(set NO_PROXY=runtime\.example") as caught:
        Transport(RuntimeAddress("https://runtime.example"))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://runtime.example", "http://localhost:1"])
def test_certificates_that_cannot_be_read_are_named_only_where_some_are_needed(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")

    if url.startswith("http://"):
        Transport(RuntimeAddress(url))
        return
    with pytest.raises(UsageError, match="cannot read the certificates to trust: '/no/such/file'"):
        Transport(RuntimeAddress(url))
