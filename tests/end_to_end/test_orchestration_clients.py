"""The real clients of other agents as orchestrators: each starts a child over our MCP server and is woken by it."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.client_rigs import ALL, RealClient, rig_of
from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.orchestration import wait_until_all_is_told, wakings
from support.project import REPOSITORY
from support.real_clients import why_not
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

SERVER = REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(params=ALL, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> RealClient:
    if reason := why_not():
        pytest.skip(reason)
    assert isinstance(request.param, RealClient)
    return request.param


@pytest.fixture
def launcher(client: RealClient, api: RuntimeApi, runtime: RuntimeProcess, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher whose client talks to the stand-in, and an agent `boss` that is this client with our MCP server."""
    home = tmp_path / "home"
    home.mkdir()
    with ModelStandIn() as model:
        rig = rig_of(client, model, home, tmp_path)
        api.ask("POST", "/agents", _agent(rig.turn("").blueprint.backend, rig.options, rig.command, rig.model))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**rig.variables, "HOME": str(home), "PATH": path}
        process = LauncherProcess(tmp_path / "launcher", runtime.url, runtime.token, environment=environment)
        try:
            yield process.start()
        finally:
            process.leave_nothing()


def _agent(backend: str, options: object, command: tuple[str, ...] | None, model: str | None) -> dict[str, object]:
    server = {
        "command": sys.executable,
        "args": [str(SERVER)],
        "env": {"AGENT_SESSION_NAME": "${AGENT_SESSION_NAME}"},
    }
    return {
        "name": "boss",
        "backend": backend,
        "options": options,
        "command": list(command or ()),
        "model": model,
        "mcp_servers": {"orchestrator": server},
    }


@pytest.mark.usefixtures("launcher")
def test_it_starts_a_child_over_mcp_and_is_woken_with_its_result(
    api: RuntimeApi, client: RealClient, tmp_path: Path
) -> None:
    order = {"session_name": "kid", "prompt": "I am the kid", "agent_name": "echo", "project_dir": str(tmp_path)}
    start = client.call("orchestrator", "start_agent_session", {**order, "callback_policy": "all"})
    read = client.call("orchestrator", "get_agent_session_result", {"session_name": "kid"})
    script = "\n".join([start, "say: one is at work", f"later: {read}", "later: say: all done"])

    api.create_job("boss-session", script, agent_name="boss", project_dir=str(tmp_path))
    wait_until_all_is_told(api, "boss-session", children=1, timeout=250)

    assert api.result("boss-session") == "all done"
    (message,) = wakings(api, "boss-session")
    assert "I am the kid" in message
    assert api.session("kid")["parent_session_name"] == "boss-session"
    brought = [event["data"]["output"] for event in api.events("boss-session") if event["type"] == "post_tool"]
    assert "I am the kid" in json.dumps(brought)
