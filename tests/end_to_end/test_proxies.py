"""A proxy of the environment is used where it stands between us and the runtime, and is no trouble anywhere else."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import Commands
from support.launcher_process import LauncherProcess
from support.project import REPOSITORY
from support.runtime_process import RuntimeProcess

SOCKS = "socks5://127.0.0.1:9"
MCP_SERVER = REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"
ELSEWHERE = "127.0.0.2"
"""An address that is not one of those which everybody knows to be this machine's."""


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": SOCKS},
        {"all_proxy": "socks://127.0.0.1:9"},
        {"NO_PROXY": "fe80::/10,::1,[,*.,:"},
        {"HTTP_PROXY": "http://[::1", "ALL_PROXY": "nonsense://"},
        {"SSL_CERT_FILE": "/no/such/file"},
    ],
)
def test_an_environment_that_does_not_concern_the_runtime_is_no_trouble(
    runtime: RuntimeProcess, tmp_path: Path, environment: dict[str, str]
) -> None:
    said = Commands(runtime.url, tmp_path, runtime.token).run("ao-status", "nobody", environment=environment)

    assert (said.exit_code, said.out, said.err) == (3, "not_existent\n", "")


@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", f"x,{ELSEWHERE}", "fe80::/10, *"])
def test_what_no_proxy_names_is_reached_straight(tmp_path: Path, no_proxy: str) -> None:
    environment = {"ALL_PROXY": SOCKS, "NO_PROXY": no_proxy}

    said = Commands(f"http://{ELSEWHERE}:9", tmp_path, "token").run("ao-status", "nobody", environment=environment)

    assert said.exit_code == 5
    assert said.err.startswith(f"ao-status: cannot reach the Agent Runtime at 'http://{ELSEWHERE}:9'")
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["ALL_PROXY", "http_proxy"])
def test_a_proxy_that_cannot_be_used_is_named_in_one_sentence_without_its_password(tmp_path: Path, name: str) -> None:
    environment = {name: "socks5://me:secret@127.0.0.1:9", "NO_PROXY": "fe80::/10,::1"}

    said = Commands(f"http://{ELSEWHERE}:9", tmp_path, "token").run("ao-list-sessions", environment=environment)

    assert (said.exit_code, len(said.err.splitlines())) == (2, 1), said.err
    assert f"the proxy that {name} names" in said.err
    assert "secret" not in said.err


def test_the_launcher_says_in_one_sentence_which_proxy_it_cannot_use(tmp_path: Path) -> None:
    launcher = LauncherProcess(tmp_path, f"https://{ELSEWHERE}:9", "token", environment={"https_proxy": SOCKS})
    try:
        launcher.start(wait_registered=False)
        code = launcher.wait()
    finally:
        launcher.leave_nothing()

    assert code == 2
    assert "the proxy that https_proxy names" in launcher.said()
    assert "Traceback" not in launcher.said()


def test_the_mcp_server_serves_and_its_tools_say_which_proxy_they_cannot_use(tmp_path: Path) -> None:
    hello = (
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        '"clientInfo":{"name":"test","version":"1"}}}\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
        '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_agent_blueprints","arguments":{}}}\n'
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ALL_PROXY": SOCKS}
    server = subprocess.Popen(
        [sys.executable, str(MCP_SERVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "AGENT_RUNTIME_URL": f"http://{ELSEWHERE}:9", "AGENT_RUNTIME_TOKEN": "token"},
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(hello)
    server.stdin.flush()
    answers = [server.stdout.readline(), server.stdout.readline()]
    _, errors = server.communicate(timeout=30)

    assert "the proxy that ALL_PROXY names" in answers[1]
    assert "Traceback" not in errors


def test_a_proxy_on_the_way_is_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        environment = {"HTTP_PROXY": f"127.0.0.1:{proxy.getsockname()[1]}"}
        command = Commands("http://runtime.example", tmp_path, "token").start(
            "ao-status", "nobody", environment=environment
        )
        connection, _ = proxy.accept()
        with connection:
            asked = connection.recv(65536).splitlines()[0]
    command.communicate(timeout=30)

    assert asked == b"GET http://runtime.example/sessions/nobody/status HTTP/1.1"
