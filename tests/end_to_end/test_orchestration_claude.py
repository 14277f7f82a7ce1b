"""The real Claude Code client as orchestrator: it starts children, ends its turn, and is woken with their news.

The model behind it is the stand-in, whose answers the prompt itself scripts; everything else is real.
"""

import json
import sys
from pathlib import Path

import pytest

from support.launcher_process import LauncherProcess
from support.orchestration import callbacks, turns, wait_until_all_is_told, wakings
from support.project import REPOSITORY
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

SERVER = REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"
CHILDREN = ("kid-1", "kid-2", "kid-3")


@pytest.fixture
def orchestrator(api: RuntimeApi) -> str:
    """An agent that is Claude Code with our MCP server, run by this Python instead of by uv."""
    api.ask(
        "POST",
        "/agents",
        {
            "name": "planner",
            "description": "the orchestrator of a test",
            "backend": "claude",
            "options": {"permission_mode": "bypassPermissions", "setting_sources": []},
            "mcp_servers": {
                "orchestrator": {
                    "command": sys.executable,
                    "args": [str(SERVER)],
                    "env": {"AGENT_SESSION_NAME": "${AGENT_SESSION_NAME}"},
                }
            },
        },
    )
    return "planner"


def test_claude_code_starts_three_children_over_mcp_and_is_woken_with_their_results(
    api: RuntimeApi, claude_launcher: LauncherProcess, orchestrator: str, tmp_path: Path
) -> None:
    script = "\n".join(
        [*_starts_over_mcp(tmp_path), "say: three are at work", *_reads_over_mcp(), "later: say: all done"]
    )

    api.create_job("boss", script, agent_name=orchestrator, project_dir=str(tmp_path))
    wait_until_all_is_told(api, "boss", children=3, timeout=110)

    assert api.result("boss") == "all done"
    (message,) = wakings(api, "boss")
    assert all(f"I am {name}" in message for name in CHILDREN)
    assert all(api.session(name)["parent_session_name"] == "boss" for name in CHILDREN)
    brought = _tools_brought(api, "get_agent_session_result")
    assert all(f"I am {name}" in brought for name in CHILDREN)


def test_claude_code_does_the_same_with_the_commands_from_its_shell(
    api: RuntimeApi, claude_launcher: LauncherProcess, orchestrator: str, tmp_path: Path
) -> None:
    starts = [
        _shell(f"ao-start {name} --agent echo -p 'I am {name}' --detach --callback --callback-policy all")
        for name in CHILDREN
    ]
    reads = [f"later: {_shell(f'ao-get-result {name}')}" for name in CHILDREN]
    script = "\n".join([*starts, "say: three are at work", *reads, "later: say: all done"])

    api.create_job("boss", script, agent_name=orchestrator, project_dir=str(tmp_path))
    wait_until_all_is_told(api, "boss", children=3, timeout=110)

    assert api.result("boss") == "all done"
    assert len(wakings(api, "boss")) == 1
    brought = _tools_brought(api, "Bash")
    assert all(f"I am {name}" in brought for name in CHILDREN)


def test_claude_code_is_woken_although_the_launcher_was_killed_and_the_runtime_restarted(
    runtime: RuntimeProcess,
    api: RuntimeApi,
    claude_launcher: LauncherProcess,
    orchestrator: str,
    tmp_path: Path,
) -> None:
    waits = (
        "import pathlib, time\nwhile not pathlib.Path('gate').exists(): time.sleep(0.02)\nprint('through the gate')\n"
    )
    (tmp_path / "waits.py").write_text(waits)
    command = [sys.executable, str(tmp_path / "waits.py")]
    api.ask("POST", "/agents", {"name": "waits", "description": "waits", "backend": "command", "command": command})
    starts = _starts_over_mcp(tmp_path, agent="waits")
    script = "\n".join([*starts, "say: three are at work", *_reads_over_mcp(), "later: say: all done"])
    boss = api.create_job("boss", script, agent_name=orchestrator, project_dir=str(tmp_path))
    api.wait_for_end(boss, timeout=90)
    for name in CHILDREN:
        (turn,) = turns(api, name)
        api.wait_for_status(turn["job_id"], "running")

    claude_launcher.kill()
    runtime.kill()
    (tmp_path / "gate").touch()
    runtime.start()
    claude_launcher.start()
    wait_until_all_is_told(api, "boss", children=3, timeout=110)

    assert api.result("boss") == "all done"
    assert len(wakings(api, "boss")) == 1
    assert [row["round"] for row in callbacks(api, "boss")] == [1, 1, 1]
    assert "through the gate" in _tools_brought(api, "get_agent_session_result")


def _starts_over_mcp(folder: Path, agent: str = "echo") -> list[str]:
    wishes = {"agent_name": agent, "project_dir": str(folder), "callback_policy": "all"}
    orders = [{"session_name": name, "prompt": f"I am {name}", **wishes} for name in CHILDREN]
    return [f"mcp: mcp__orchestrator__start_agent_session {json.dumps(order)}" for order in orders]


def _reads_over_mcp() -> list[str]:
    tool = "mcp__orchestrator__get_agent_session_result"
    return [f"later: mcp: {tool} {json.dumps({'session_name': name})}" for name in CHILDREN]


def _shell(command: str) -> str:
    return f"tool: Bash {json.dumps({'command': command, 'description': 'orchestrate'})}"


def _tools_brought(api: RuntimeApi, tool: str) -> str:
    """What one of the boss's tools answered, all its calls together."""
    events = [event["data"] for event in api.events("boss") if event["type"] == "post_tool"]
    return json.dumps([data["output"] for data in events if str(data["tool"]).endswith(tool)])
