"""The keeper is killed while a tool of the real Claude Code client runs: client and tool never run on unseen."""

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lib.keeper import containment
from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.runtime_api import RuntimeApi
from support.waiting import wait_until

DAEMON = "env -i setsid sh -c 'trap \"\" TERM; echo $$ >> tool-pids; exec sleep 600' < /dev/null > /dev/null 2>&1 &"
TOOL = f"{DAEMON} echo $$ >> tool-pids; sleep 600; echo over >> tool-pids"


def keeper_alone(launcher: LauncherProcess) -> None:
    launcher.keepers.kill()


def both(launcher: LauncherProcess) -> None:
    launcher.freeze()
    launcher.keepers.kill()
    launcher.kill()
    launcher.start()


HARMS: dict[str, Callable[[LauncherProcess], None]] = {"keeper": keeper_alone, "both": both}


@pytest.fixture(params=[containment.CGROUP, containment.MARK])
def contained_launcher(request: pytest.FixtureRequest, claude_launcher: LauncherProcess) -> LauncherProcess:
    """The launcher of Claude Code with each way to keep an attempt together."""
    way = str(request.param)
    if containment.what_can_be_had(way) != way:
        pytest.skip(f"this user cannot have a {way} for each attempt here")
    claude_launcher.stop()
    claude_launcher.environment["AGENT_LAUNCHER_CONTAINMENT"] = way
    return claude_launcher.start()


def clients_of(model: ModelStandIn) -> list[psutil.Process]:
    """Every process that was told to speak to the stand-in, but for the launcher and what is its own."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ANTHROPIC_BASE_URL") == model.url and "agent-launcher" not in str(
                process.cmdline()
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_over(process: psutil.Process) -> bool:
    """Whether a process is gone; a number that was given out again does not count as it."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_claude_code_and_its_tool_are_watched_on_after_the_keepers_death_and_a_stop_leaves_nothing(
    api: RuntimeApi,
    contained_launcher: LauncherProcess,
    model: ModelStandIn,
    tmp_path: Path,
    harm: Callable[[LauncherProcess], None],
) -> None:
    options = {"permission_mode": "bypassPermissions", "setting_sources": []}
    api.ask("POST", "/agents", {"name": "coder", "description": "a test's", "backend": "claude", "options": options})
    script = f"tool: Bash {json.dumps({'command': TOOL, 'description': 'work'})}\nsay: done"
    job_id = api.create_job("coding", script, agent_name="coder", project_dir=str(tmp_path), stop_grace_seconds=1.0)
    pids = tmp_path / "tool-pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the tool and its daemon run", 120)
    tool = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    client = clients_of(model)
    resume = api.create_job("coding", "say: here again", type="resume_session")

    harm(contained_launcher)

    assert not any(map(is_over, [*client, *tool])), "what ran goes on"
    assert api.job(job_id)["status"] == "running"
    assert (api.job(resume)["status"], api.job(resume)["reason"]) == ("pending", "session_busy")
    api.stop_job(job_id)
    assert api.wait_for_end(job_id)["status"] == "stopped"
    assert all(map(is_over, [*client, *tool]))
    assert "over" not in pids.read_text()

    assert api.wait_for_end(resume, timeout=120)["status"] == "completed"
    assert api.result("coding") == "here again"
    assert clients_of(model) == []
