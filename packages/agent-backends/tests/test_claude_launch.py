"""How a client is started, without starting it: command line, files, environment, and what is refused before."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_backends.blueprint import Blueprint
from agent_backends.claude.launch import Launch, prepare_launch
from agent_backends.installation import installation_of
from agent_backends.protocol import CannotRunError, Turn
from agent_backends.sandbox.settings import Neighbourhood
from agent_backends.turn.local_blueprint import blueprint_of
from agent_backends.turn.references import Resolver
from runtime_client.models import Agent
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

PROJECT_ROOT = Path(__file__).parents[3]
SANDBOX = {"IS_SANDBOX": "1"}


def make_turn(
    project_dir: Path, *, environment: Mapping[str, str] = SANDBOX, blueprint: Blueprint | None = None
) -> Turn:
    return Turn(
        session_name="one",
        session_id="ses_one",
        prompt="the prompt",
        project_dir=project_dir,
        blueprint=blueprint or Blueprint("claude", "claude"),
        backend_session_id=None,
        resumed=False,
        environment=environment,
    )


def with_options(options: JsonObject) -> Blueprint:
    return Blueprint("claude", "claude", options=options)


def value_after(launch: Launch, flag: str) -> str:
    return launch.command[launch.command.index(flag) + 1]


def test_neither_prompts_nor_server_settings_are_on_the_command_line(tmp_path: Path) -> None:
    servers: JsonObject = {"lab": {"type": "http", "url": "http://x", "headers": {"Authorization": "Bearer s3cret"}}}
    blueprint = Blueprint("claude", "claude", system_prompt="be brief", mcp_servers=servers)
    launch = prepare_launch(make_turn(tmp_path, blueprint=blueprint), tmp_path)

    assert not any(word in " ".join(launch.command) for word in ("s3cret", "be brief", "the prompt"))
    mcp_config = Path(value_after(launch, "--mcp-config"))
    assert json.loads(mcp_config.read_text()) == {"mcpServers": servers}
    assert stat.S_IMODE(mcp_config.stat().st_mode) == 0o600
    assert Path(value_after(launch, "--append-system-prompt-file")).read_text() == "be brief"


def test_the_environment_is_the_turns_own_without_the_traces_of_an_outer_client(tmp_path: Path) -> None:
    outer = {"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": "outer", "CLAUDE_CODE_MESSAGING_TOKEN": "outer"}
    turn = make_turn(tmp_path, environment={**SANDBOX, **outer, "AGENT_SESSION_NAME": "one"})
    environment = prepare_launch(turn, tmp_path).environment

    assert environment["AGENT_SESSION_NAME"] == "one"
    assert "outer" not in environment.values()
    assert "CLAUDECODE" not in environment
    assert not set(environment) & (set(os.environ) - {"PWD", "CLAUDE_CODE_ENTRYPOINT", *SANDBOX})


def test_root_without_a_sandbox_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(CannotRunError, match=r"set IS_SANDBOX=1 in its environment") as refused:
        prepare_launch(make_turn(tmp_path, environment={}), tmp_path)

    assert refused.value.outcome.reason is Reason.INVALID_PARAMETERS


def test_a_user_who_is_not_root_needs_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    launch = prepare_launch(make_turn(tmp_path, environment={}), tmp_path)

    assert value_after(launch, "--permission-mode") == "bypassPermissions"


def test_a_missing_project_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"project directory '.*/gone' is no directory here") as refused:
        prepare_launch(make_turn(tmp_path / "gone"), tmp_path)

    assert refused.value.outcome.reason is Reason.INVALID_PARAMETERS


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"permission_mode": "yolo"}, r"expected 'permission_mode' to be one of 'bypassPermissions', .* found 'yolo'"),
        ({"setting_sources": "user"}, r"expected 'setting_sources' to be a list of strings, found str"),
        ({"setting_sources": ["home"]}, r"expected 'setting_sources' to be one of 'user', .* found 'home'"),
        ({"alowed_tools": ["Read"]}, r"no 'alowed_tools' in its 'options' \(did you mean 'allowed_tools'\?\)"),
        ({"system_prompt": "prepend"}, r"expected 'system_prompt' to be one of 'append', 'replace', found 'prepend'"),
    ],
)
def test_a_wrong_option_of_a_blueprint_is_named(tmp_path: Path, options: JsonObject, sentence: str) -> None:
    with pytest.raises(CannotRunError, match=sentence) as refused:
        prepare_launch(make_turn(tmp_path, blueprint=with_options(options)), tmp_path)

    assert refused.value.outcome.reason is Reason.INVALID_PARAMETERS


def test_a_session_id_that_looks_like_a_flag_stays_a_value(tmp_path: Path) -> None:
    turn = make_turn(tmp_path)
    resumed = Turn(**{**vars(turn), "backend_session_id": "--debug", "resumed": True})

    assert "--resume=--debug" in prepare_launch(resumed, tmp_path).command


def test_the_shipped_blueprint_can_be_started_and_knows_its_session(tmp_path: Path) -> None:
    folder = PROJECT_ROOT / "agents" / "claude"
    described = json.loads((folder / "agent.json").read_text())
    prompt = (folder / "agent.system-prompt.md").read_text()
    blueprint = blueprint_of(
        Agent.read({**described, "system_prompt": prompt}),
        installation_of(PROJECT_ROOT / "commands/ao-start"),
        Resolver("claude", {"AGENT_SESSION_NAME": "one"}, {}),
        Neighbourhood(Path("/home/u")),
    )
    launch = prepare_launch(make_turn(tmp_path, blueprint=blueprint), tmp_path)

    assert "the session `one` of" in Path(value_after(launch, "--append-system-prompt-file")).read_text()
    assert "--setting-sources=" in launch.command
    assert "--strict-mcp-config" in launch.command
