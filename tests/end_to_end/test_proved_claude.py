"""Done is proved, with the real Claude Code client: the model behind it is the stand-in, everything else is real."""

import os
import signal
from pathlib import Path

import psutil

from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.runtime_api import RuntimeApi
from support.waiting import wait_until

NOT_YET = "test -e mended || { echo it is not mended; exit 1; }"
SAYS_TOO_EARLY = """say: {"done": "so I say"}
later: tool: Bash {"command": "touch mended"}
later: say: {"done": true}
"""
HANGS_ONCE = """
test -e second && exit 0
touch second
echo $PPID $$ > pids.new && mv pids.new pids
sleep 600
"""


def test_work_that_is_not_done_is_told_so_and_a_death_in_between_proves_nothing(
    api: RuntimeApi, claude_launcher: LauncherProcess, model: ModelStandIn, tmp_path: Path
) -> None:
    del claude_launcher
    project = tmp_path / "project"
    project.mkdir()

    def order(name: str, script: str, verify: str, **more: object) -> str:
        asked = {"command": ["sh", "-c", verify], "timeout_seconds": 60}
        return api.create_job(name, script, agent_name="claude", project_dir=str(project), verify=asked, **more)

    schema = {"type": "object", "required": ["done"]}
    mended = order("mended", SAYS_TOO_EARLY, NOT_YET, output_schema=schema)
    killed = order("killed", "say: done", HANGS_ONCE, retries={"agent": 1})
    command, verification = wait_until(lambda: _numbers_in(project / "pids"), "the verification runs", 60)
    os.kill(command, signal.SIGKILL)

    first, second = api.wait_for_all([mended, killed], timeout=120)
    assert (first["status"], second["status"]) == ("completed", "completed"), first["error"]
    told = [one["data"] for one in api.events("mended") if one["type"] == "verification"]
    assert [one["passed"] for one in told] == [False, True]
    assert any("it is not mended" in call.messages_text for call in model.model_calls)
    assert api.ask("GET", "/sessions/mended/result")["output"] == {"done": True}
    # One conversation and one attempt, whose turns are added up.
    assert [one["type"] for one in api.events("mended")].count("session_start") == 1
    assert first["attempt"] == 1
    (result,) = (one["data"] for one in api.events("mended") if one["type"] == "result")
    assert result["model_calls"] == 3
    # The attempt that died had said nothing; the next one went on with the conversation, and proved its end.
    assert second["attempt"] == 2
    assert not psutil.pid_exists(verification) or psutil.Process(verification).status() == psutil.STATUS_ZOMBIE
    assert [one["data"]["passed"] for one in api.events("killed") if one["type"] == "verification"] == [True]
    starts = [one["data"] for one in api.events("killed") if one["type"] == "session_start"]
    assert [one["resumed"] for one in starts] == [False, True]


def _numbers_in(path: Path) -> tuple[int, int] | None:
    if not path.exists():
        return None
    command, verification = path.read_text().split()
    return int(command), int(verification)
