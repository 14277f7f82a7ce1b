"""The proxy is transparent without rules, and fails exactly the requests that it is told to."""

import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest

from support.proxy import ChaosProxy, Fault, Kind, proxy_page
from support.waiting import wait_until


class Counting(http.server.BaseHTTPRequestHandler):
    """Answers each request with the number of requests so far."""

    protocol_version = "HTTP/1.1"
    seen: list[str]

    def do_POST(self) -> None:
        """Count, and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.path)
        body = str(len(self.seen)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def seen() -> list[str]:
    """The paths that reached the server."""
    return []


@pytest.fixture
def proxy(seen: list[str]) -> Iterator[ChaosProxy]:
    """A proxy before a server that counts."""
    handler = type("CountingHere", (Counting,), {"seen": seen})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with ChaosProxy(server.server_port) as proxy:
        yield proxy
    server.shutdown()
    server.server_close()
    thread.join()


def ask(proxy: ChaosProxy, path: str = "/x") -> httpx.Response:
    """One request on a connection of its own."""
    return httpx.post(proxy.url + path, content=b"hello", timeout=5, trust_env=False)


def test_without_rules_the_proxy_is_transparent(proxy: ChaosProxy) -> None:
    with httpx.Client(base_url=proxy.url, trust_env=False) as client:
        assert [client.post("/x", content=b"y").text for _ in range(3)] == ["1", "2", "3"]


def test_a_dropped_request_never_arrives(proxy: ChaosProxy, seen: list[str]) -> None:
    proxy.fail(Fault(Kind.DROP_REQUEST))

    with pytest.raises(httpx.TransportError):
        ask(proxy)
    assert seen == []
    assert ask(proxy).text == "1"


def test_a_dropped_answer_was_carried_out(proxy: ChaosProxy, seen: list[str]) -> None:
    rule = proxy.fail(Fault(Kind.DROP_ANSWER), path="/started$")

    assert ask(proxy, "/other").text == "1"
    with pytest.raises(httpx.TransportError):
        ask(proxy, "/started")
    assert seen == ["/other", "/started"]
    assert rule.hits == 1


def test_a_duplicated_request_arrives_twice(proxy: ChaosProxy, seen: list[str]) -> None:
    proxy.fail(Fault(Kind.DUPLICATE))

    assert ask(proxy).text == "2"
    assert seen == ["/x", "/x"]


def test_half_an_answer_is_no_answer(proxy: ChaosProxy) -> None:
    proxy.fail(Fault(Kind.CUT_ANSWER, bytes_kept=20))

    with pytest.raises(httpx.TransportError):
        ask(proxy)


def test_somebody_else_answers(proxy: ChaosProxy, seen: list[str]) -> None:
    proxy.fail(proxy_page(502))

    assert ask(proxy).status_code == 502
    assert seen == []


def test_a_black_hole_holds_the_request_until_it_is_cut(proxy: ChaosProxy, seen: list[str]) -> None:
    proxy.fail(Fault(Kind.BLACK_HOLE))
    failures: list[Exception] = []

    def ask_and_note() -> None:
        try:
            ask(proxy)
        except httpx.TransportError as error:
            failures.append(error)

    asking = threading.Thread(target=ask_and_note)
    asking.start()
    wait_until(lambda: proxy.requests, "the proxy has the request")
    assert asking.is_alive()
    proxy.cut_all()
    asking.join()

    assert failures
    assert seen == []


def test_an_outage_refuses_and_then_accepts_on_the_same_port(proxy: ChaosProxy) -> None:
    port = proxy.port
    with proxy.outage(), pytest.raises(httpx.ConnectError):
        ask(proxy)

    assert proxy.port == port
    assert ask(proxy).text == "1"
