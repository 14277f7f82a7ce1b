"""The real Claude Code asks through a real runtime, and does what people say; only the model is a stand-in."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from runtime_client.wire import Json, JsonObject
from support.claude_rig import ClaudeRig
from support.commands import Commands
from support.lab_server import lab_server
from support.model_stand_in import ModelStandIn
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until


@dataclass
class Scene:
    """A runtime, a model, and a person at a terminal."""

    commands: Commands
    rig: ClaudeRig

    def start(self, name: str, script: str, agent: str = "careful") -> "subprocess.Popen[bytes]":
        """Start a session in the foreground."""
        own = self.rig.environment()
        del own["AGENT_SESSION_NAME"]
        return self.commands.start("ao-start", name, "--agent", agent, "-p", script, environment=own)

    def asked(self, name: str) -> JsonObject:
        """Wait for a session's open question."""

        def found() -> list[JsonObject]:
            said = self.commands.run("ao-questions", name, "--json")
            return cast("list[JsonObject]", json.loads(said.out)["questions"]) if said.exit_code == 0 else []

        return wait_until(found, f"session {name} asks")[0]

    def answer(self, question: JsonObject, *words: str) -> None:
        """Answer it."""
        assert self.commands.run("ao-answer", str(question["question_id"]), *words).exit_code == 0


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture
def scene(runtime: RuntimeProcess, tmp_path: Path) -> Iterator[Scene]:
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    with ModelStandIn() as model:
        yield Scene(Commands(runtime.url, project_dir, runtime.token), ClaudeRig(model, home, project_dir))


COLOUR: JsonObject = {
    "question": "Which colour?",
    "header": "Colour",
    "options": [{"label": "red", "description": "warm"}, {"label": "blue", "description": "cold"}],
    "multiSelect": False,
}


def bash(command: str) -> str:
    return f"tool: Bash {json.dumps({'command': command})}"


def test_claude_asks_before_it_acts_and_does_what_it_is_told(runtime: RuntimeProcess, scene: Scene) -> None:
    api = runtime.api
    rules: Json = {"allow": ["Bash(echo:*)"], "deny": ["Read(secret/**)"]}
    api.ask("PUT", "/agents/careful", {"backend": "claude", "permissions": rules})
    api.close()
    (scene.rig.project_dir / "secret").mkdir()
    (scene.rig.project_dir / "secret" / "key").write_text("hidden-from-it")
    write = {"file_path": str(scene.rig.project_dir / "new.txt"), "content": "one\ntwo\n"}
    script = "\n".join(
        (
            bash("echo unasked"),
            f"tool: Read {json.dumps({'file_path': str(scene.rig.project_dir / 'secret' / 'key')})}",
            bash("touch denied"),
            f"tool: Write {json.dumps(write)}",
            f"tool: AskUserQuestion {json.dumps({'questions': [COLOUR]})}",
            "say: it says {{last}}",
        )
    )
    running = scene.start("careful-one", script)

    first = scene.asked("careful-one")
    assert (first["kind"], first["tool"], first["input"]) == ("permission", "Bash", {"command": "touch denied"})
    scene.answer(first, "deny", "--message", "not in this house")
    second = scene.asked("careful-one")
    assert second["tool"] == "Write"
    assert "+two" in str(second["diff"])
    scene.answer(second, "allow")
    third = scene.asked("careful-one")
    assert (third["kind"], third["text"]) == ("choice", "Which colour?")
    scene.answer(third, "neither, green")
    out, err = running.communicate(timeout=90)

    assert running.returncode == 0, err.decode()
    assert (scene.rig.project_dir / "new.txt").read_text() == "one\ntwo\n"
    assert not (scene.rig.project_dir / "denied").exists()
    logs = scene.commands.run("ao-logs", "careful-one", "--json").out
    assert "unasked" in logs
    assert "not in this house" in logs
    assert "hidden-from-it" not in logs
    assert b"neither, green" in out


def test_what_a_server_of_its_own_wants_to_know_is_a_form_for_people(
    runtime: RuntimeProcess, scene: Scene, tmp_path: Path
) -> None:
    servers: Json = {"lab": {**lab_server(tmp_path), "env": {"TOKEN": "t"}}}
    api = runtime.api
    api.ask("PUT", "/agents/curious", {"backend": "claude", "permissions": "ask", "mcp_servers": servers})
    api.close()
    running = scene.start("curious-one", "mcp: mcp__lab__ask_where {}\nsay: {{last}}", "curious")
    leave = scene.asked("curious-one")
    assert leave["kind"] == "permission"
    scene.answer(leave, "allow")

    form = scene.asked("curious-one")
    assert (form["kind"], form["text"]) == ("form", "lab: Where to?")
    scene.answer(form, '{"port": 8080}')

    out, err = running.communicate(timeout=90)
    assert running.returncode == 0, err.decode()
    assert b"accept port=8080" in out
