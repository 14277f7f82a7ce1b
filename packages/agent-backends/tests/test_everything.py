"""A start that finds loaded what `ao-start` names imports nothing new, whatever backend the agent has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.agent_rig import FAKE_ACP
from support.commands import COMMANDS, Commands
from support.model_stand_in import ModelStandIn
from support.stand_in_runtime import Json, Reply, stand_in_runtime

SESSION = {
    "session_id": "ses_1",
    "session_name": "one",
    "status": "running",
    "agent_name": "a",
    "backend_session_id": None,
}
AGENTS: dict[str, Json] = {
    "command": {"name": "a", "backend": "command", "command": ["cat"], "active": True},
    "claude": {"name": "a", "backend": "claude", "active": True},
    "acp": {"name": "a", "backend": "acp", "command": [str(FAKE_ACP)], "active": True},
}
# What the launcher's warm parent does, and then its fork, in one process that writes down what it imported last.
STARTED_WARM = """
import atexit, importlib, sys
script, module, found, *words = sys.argv[1:]
code = compile(open(script).read(), script, "exec")
exec(code, {"__name__": "loaded", "__file__": script})
importlib.import_module(module)
before = set(sys.modules)
atexit.register(lambda: open(found, "w").write(" ".join(sorted(set(sys.modules) - before))))
sys.argv = [script, *words]
exec(code, {"__name__": "__main__", "__file__": script})
"""


@pytest.mark.parametrize(
    ("command", "backend"), [("ao-start", "command"), ("ao-resume", "claude"), ("ao-start", "acp")]
)
def test_a_start_that_finds_everything_loaded_imports_nothing(tmp_path: Path, command: str, backend: str) -> None:
    script, found = COMMANDS / command, tmp_path / "found"
    module = re.findall(r'^# warm = "(.*)"$', script.read_text("utf-8"), re.MULTILINE)[0]
    words = ["one", *(["--agent", "a", "--project-dir", str(tmp_path)] if command == "ao-start" else [])]
    with stand_in_runtime() as runtime, ModelStandIn() as model:
        session = {**SESSION, "project_dir": str(tmp_path)}
        runtime.route("GET", "/sessions/ses_1", Reply({"session": session}))
        runtime.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
        runtime.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": session}))
        runtime.route("GET", "/agents/a", Reply(AGENTS[backend]))
        launched = {
            "AGENT_JOB_ID": "job_1",
            "AGENT_SESSION_NAME": "one",
            "AGENT_SESSION_ID": "ses_1",
            "AGENT_OUTCOME_FILE": str(tmp_path / "outcome.json"),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-ant-stand-in",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(
            [sys.executable, "-I", "-c", STARTED_WARM, str(script), module, str(found), *words],
            input=b"do it",
            env=Commands(runtime.url, tmp_path, token="session-token").environment(launched),
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"")
    assert found.read_text("utf-8") == ""
