"""What the server on standard input and output says to a client that speaks badly, in a hurry, or no more."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from support.runtime_api import JsonObject
from support.stand_in_runtime import Asked, Reply, StandInRuntime, stand_in_runtime

SCRIPT = Path(__file__).resolve().parents[1] / "agent-orchestrator-mcp.py"

SESSION: JsonObject = {"session_id": "ses_1", "session_name": "one", "status": "finished"}


class Server:
    """Our server as a process, and what a client writes to it and reads of it."""

    def __init__(self, url: str) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**own, "AGENT_RUNTIME_URL": url, "AGENT_RUNTIME_TOKEN": "token"},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout

    def write(self, line: bytes) -> None:
        """Write one line."""
        self._stdin.write(line + b"\n")
        self._stdin.flush()

    def say(self, **message: object) -> None:
        """Write one message."""
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def read(self) -> JsonObject:
        """Read one message."""
        return cast("JsonObject", json.loads(self._stdout.readline()))

    def ask(self, method: str, params: object = None, request_id: object = 1) -> JsonObject:
        """Write a request, and read what comes next."""
        self.say(method=method, id=request_id, **({} if params is None else {"params": params}))
        return self.read()

    def hang_up(self) -> int:
        """Write no more; return the exit status."""
        self._stdin.close()
        try:
            return self.process.wait(30)
        finally:
            self._stdout.close()


@contextmanager
def server_of(url: str) -> Iterator[Server]:
    """Start a server, and leave nothing of it."""
    server = Server(url)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.hang_up()


@pytest.fixture
def runtime() -> Iterator[StandInRuntime]:
    with stand_in_runtime() as started:
        started.route("GET", "/sessions/quick", Reply({"session": SESSION}))
        yield started


def status_of(session: str) -> JsonObject:
    return {"name": "get_agent_session_status", "arguments": {"session_name": session}}


def _once(event: threading.Event) -> Callable[[Asked], Reply]:
    """Answer once something has happened."""

    def answer(_: Asked) -> Reply:
        event.wait(30)
        return Reply({"session": SESSION})

    return answer


def test_what_is_no_request_is_refused_with_a_code_and_the_next_one_is_answered(runtime: StandInRuntime) -> None:
    with server_of(runtime.url) as server:
        refused = []
        for line in (b"garbage", b"\xff\xfe", b"[" * 100_000, b"[]", b'{"id": 1}', b'{"id": {}, "method": "ping"}'):
            server.write(line)
            refused.append(server.read())
        server.write(b"")
        server.say(id=5, result={})
        server.say(method="notifications/nobody-knows")
        answers = [
            server.ask("ping", request_id="a text"),
            server.ask("resources/list"),
            server.ask("tools/call", {"arguments": {}}),
            server.ask("tools/call", ["x"]),
        ]
        assert server.hang_up() == 0

    assert [cast("JsonObject", one["error"])["code"] for one in refused] == [-32700] * 3 + [-32600] * 3
    assert answers[0] == {"jsonrpc": "2.0", "id": "a text", "result": {}}
    assert [cast("JsonObject", one["error"])["code"] for one in answers[1:]] == [-32601, -32602, -32600]


@pytest.mark.parametrize(
    ("wanted", "agreed"), [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("2031-01-01", "2025-11-25")]
)
def test_it_speaks_the_revision_that_the_client_wants_or_the_newest_that_it_knows(wanted: str, agreed: str) -> None:
    with server_of("http://127.0.0.1:9") as server:
        hello = {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        introduction = cast("JsonObject", server.ask("initialize", hello)["result"])
        assert server.hang_up() == 0

    assert introduction["protocolVersion"] == agreed
    assert cast("JsonObject", introduction["serverInfo"])["name"] == "agent-orchestrator"
    assert "END YOUR TURN" in str(introduction["instructions"])


def test_a_call_that_takes_long_holds_up_no_other_one_and_is_not_answered_once_it_is_cancelled(
    runtime: StandInRuntime,
) -> None:
    is_free = {name: threading.Event() for name in ("unwanted", "slow")}
    for name, event in is_free.items():
        runtime.route("GET", f"/sessions/{name}", _once(event))
    with server_of(runtime.url) as server:
        for name in is_free:
            server.say(method="tools/call", id=name, params=status_of(name))
            runtime.wait_for("GET", f"/sessions/{name}")
        beside = server.ask("tools/call", status_of("quick"), request_id=3)
        server.say(method="notifications/cancelled", params={"requestId": "unwanted"})
        after = server.ask("ping", request_id=4)
        is_free["unwanted"].set()
        # Each takes longer than it would to answer what is cancelled.
        others = [server.ask("tools/call", status_of("quick"), request_id=number) for number in (5, 6)]
        is_free["slow"].set()
        late = server.read()
        assert server.hang_up() == 0

    assert [one["id"] for one in (beside, after, *others, late)] == [3, 4, 5, 6, "slow"]
    assert cast("JsonObject", cast("JsonObject", beside["result"])["structuredContent"])["status"] == "finished"


def test_it_ends_with_its_client_even_if_a_call_still_runs(runtime: StandInRuntime) -> None:
    is_over = threading.Event()
    runtime.route("GET", "/sessions/slow", _once(is_over))
    try:
        with server_of(runtime.url) as server:
            server.say(method="tools/call", id=1, params=status_of("slow"))
            runtime.wait_for("GET", "/sessions/slow")
            assert server.hang_up() == 0
    finally:
        is_over.set()
