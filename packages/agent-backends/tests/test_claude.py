"""The claude backend with the real Claude Code client; only the model behind it is a stand-in."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent_backends.blueprint import Bubblewrap
from agent_backends.protocol import Ending, Limit, Message, Started, ToolAnswered, ToolCalled
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject
from support.bubblewrap import SYSTEM_PATH
from support.claude_rig import ClaudeRig
from support.lab_server import CALLED, STARTED, lab_server
from support.model_stand_in import ModelStandIn

SLEEP_LONG = "python3 -c 'import time; time.sleep(300)'"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ClaudeRig]:
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    with ModelStandIn() as model:
        yield ClaudeRig(model, home, project_dir)


def bash(command: str, **more: str | bool) -> str:
    return f"tool: Bash {json.dumps({'command': command, **more})}"


def test_a_text_turn_answers_and_tells_what_it_used(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn("say: grüß dich 👋"))

    assert ran.outcome.ending is Ending.COMPLETED
    assert ran.outcome.result_text == "grüß dich 👋"
    assert isinstance(ran.events[0], Started)
    assert Message("grüß dich 👋") in ran.events
    assert ran.outcome.usage is not None
    assert ran.outcome.usage.input_tokens > 0
    assert ran.outcome.cost_usd is not None
    assert ran.outcome.cost_usd > 0
    assert ran.outcome.model_calls == 1


def test_a_shell_command_really_runs_in_the_project_folder(rig: ClaudeRig) -> None:
    ran = rig.run(
        rig.turn(f"say: first this\nand {bash('echo made > file.txt; cat file.txt')}\nsay: it says {{{{last}}}}")
    )

    assert (rig.project_dir / "file.txt").read_text() == "made\n"
    assert ran.outcome.result_text == "it says made"
    told = [type(event) for event in ran.events if isinstance(event, Message | ToolCalled | ToolAnswered)]
    assert told == [Message, ToolCalled, ToolAnswered, Message]
    call = next(event for event in ran.events if isinstance(event, ToolCalled))
    answer = next(event for event in ran.events if isinstance(event, ToolAnswered))
    assert (call.tool, call.tool_call_id) == ("Bash", answer.tool_call_id)
    assert isinstance(answer.output, dict)
    assert answer.output["stdout"] == "made"


def test_a_failing_and_an_unknown_tool_are_told_as_errors(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn(f"{bash('echo oops >&2; exit 3')}\ntool: NoSuchTool {{}}\nsay: went on"))

    answers = [event for event in ran.events if isinstance(event, ToolAnswered)]
    assert [(answer.tool, answer.is_error) for answer in answers] == [("Bash", True), ("NoSuchTool", True)]
    assert "oops" in str(answers[0].output)
    assert ran.outcome.result_text == "went on"


def test_a_resumed_session_remembers_the_earlier_prompt(rig: ClaudeRig) -> None:
    first = rig.run(rig.turn("say: noted\nthe word is heliotrope"))
    second = rig.run(rig.turn("recall", resume=first.backend_session_id))

    assert "heliotrope" in second.outcome.result_text
    assert second.backend_session_id == first.backend_session_id
    assert second.outcome.model_calls == 1


def test_the_cost_of_a_resumed_turn_is_its_own(rig: ClaudeRig) -> None:
    first = rig.run(rig.turn(f"{bash('true')}\n{bash('true')}\nsay: done"))
    second = rig.run(rig.turn("say: short", resume=first.backend_session_id))

    assert first.outcome.cost_usd is not None
    assert second.outcome.cost_usd is not None
    assert second.outcome.cost_usd < first.outcome.cost_usd


def test_the_blueprints_system_prompt_is_added_to_the_clients_own(rig: ClaudeRig) -> None:
    rig.run(rig.turn("say: ok", system_prompt="Answer like a lighthouse keeper."))

    call = rig.model.wait_for_model_call()
    assert call.system_text.endswith("Answer like a lighthouse keeper.")
    assert len(call.system_text) > 1000
    assert "lighthouse" not in call.messages_text


def test_a_blueprint_may_replace_the_clients_system_prompt(rig: ClaudeRig) -> None:
    rig.run(rig.turn("say: ok", system_prompt="Only this.", options={"system_prompt": "replace"}))

    system_text = rig.model.wait_for_model_call().system_text
    assert system_text.endswith("Only this.")
    assert "security testing" not in system_text


def test_a_changed_system_prompt_counts_from_the_next_turn(rig: ClaudeRig) -> None:
    first = rig.run(rig.turn("say: ok", system_prompt="You are the old one."))
    rig.run(rig.turn("say: ok", system_prompt="You are the new one.", resume=first.backend_session_id))

    assert rig.model.model_calls[-1].system_text.endswith("You are the new one.")


def test_the_blueprints_mcp_servers_work_and_get_their_secret(rig: ClaudeRig, tmp_path: Path) -> None:
    rig.variables["LAB_TOKEN"] = "secret-of-the-lab"
    server: JsonObject = {
        "command": sys.executable,
        "args": [_mcp_server(tmp_path)],
        "env": {"TOKEN": "${LAB_TOKEN}"},
    }
    ran = rig.run(rig.turn('mcp: mcp__lab__whoami {"greeting": "hi"}\nsay: {{last}}', mcp_servers={"lab": server}))

    assert "hi secret-of-the-lab" in ran.outcome.result_text
    assert [event.tool for event in ran.events if isinstance(event, ToolCalled)] == ["mcp__lab__whoami"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("error: 400", Reason.NONZERO_EXIT),
        ("error: 400 prompt is too long: 250000 tokens > 200000 maximum", Reason.CONTEXT_OVERFLOW),
        ("error: 400 Your credit balance is too low to access the Anthropic API.", Reason.QUOTA_EXHAUSTED),
        ("error: 401", Reason.BACKEND_AUTH),
        ("error: 404", Reason.INVALID_PARAMETERS),
        ("error: 429", Reason.RATE_LIMITED),
        ("error: 500", Reason.MODEL_OVERLOADED),
        ("error: 529", Reason.MODEL_OVERLOADED),
    ],
)
def test_a_refused_model_call_is_a_failure_with_its_reason(rig: ClaudeRig, script: str, reason: Reason) -> None:
    outcome = rig.run(rig.turn(script)).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, reason)
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert f"HTTP status {script.split()[1]}" in outcome.error


def test_a_limit_that_is_used_up_is_told_with_its_name_and_its_time(rig: ClaudeRig) -> None:
    # Only to who signed in with a subscription the client tells of windows.
    rig.variables |= {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-stand-in"}
    began = time.time()
    outcome = rig.run(rig.turn("limit: 3600")).outcome
    limit = outcome.limit or Limit()
    assert (outcome.reason, limit.name) == (Reason.QUOTA_EXHAUSTED, "5-hour limit")
    assert began + 3600 <= (limit.retry_at or 0)


@pytest.mark.parametrize("script", ["cut: for ever", "slow: 600"])
def test_a_service_whose_answer_breaks_off_or_never_comes_is_unreachable(rig: ClaudeRig, script: str) -> None:
    rig.variables["API_TIMEOUT_MS"] = "2000"
    outcome = rig.run(rig.turn(script)).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.MODEL_UNREACHABLE)


def test_an_error_after_a_finished_tool_keeps_what_was_said_before(rig: ClaudeRig) -> None:
    outcome = rig.run(rig.turn(f"say: I begin\nand {bash('true')}\nerror: 400")).outcome

    assert outcome.ending is Ending.FAILED
    assert outcome.result_text == "I begin"


def test_a_retried_model_call_is_in_the_log_and_the_turn_goes_on(
    rig: ClaudeRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.variables["CLAUDE_CODE_MAX_RETRIES"] = "2"
    with caplog.at_level(logging.WARNING):
        outcome = rig.run(rig.turn("error: 529 x1\nsay: well in the end")).outcome

    assert outcome.result_text == "well in the end"
    assert "attempt=1 max_retries=2" in caplog.text
    assert "status=529" in caplog.text


def test_without_any_credential_the_reason_is_backend_auth(rig: ClaudeRig) -> None:
    rig.variables["ANTHROPIC_API_KEY"] = ""
    outcome = rig.run(rig.turn("say: never")).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.BACKEND_AUTH)
    assert rig.model.model_calls == []


def test_an_unknown_conversation_is_session_not_found(rig: ClaudeRig) -> None:
    outcome = rig.run(rig.turn("say: never", resume="11111111-1111-4111-8111-111111111111")).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SESSION_NOT_FOUND)
    assert rig.model.model_calls == []


def test_a_missing_client_is_backend_missing(rig: ClaudeRig) -> None:
    outcome = rig.run(rig.turn("say: never", options={"client_path": "/nowhere/claude"})).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.BACKEND_MISSING)
    assert outcome.error is not None
    assert "'/nowhere/claude'" in outcome.error


@pytest.mark.parametrize("exit_code", [0, 7])
def test_a_client_that_breaks_off_is_a_failure_with_its_last_words(rig: ClaudeRig, exit_code: int) -> None:
    client = rig.home / "broken-claude"
    client.write_text(f'#!/bin/sh\nprintf \'{{"type": "sys\'\necho out of luck >&2\nexit {exit_code}\n')
    client.chmod(0o700)
    outcome = rig.run(rig.turn("say: never", options={"client_path": str(client)})).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.NONZERO_EXIT)
    assert outcome.error == f"Claude Code ended without a result (exit code {exit_code}): out of luck"


def test_a_turn_without_a_word_is_an_empty_result(rig: ClaudeRig) -> None:
    # The client asks a silent model once more by itself.
    outcome = rig.run(rig.turn("say:\nlater: say:")).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.EMPTY_RESULT)


def test_a_turn_limit_is_budget_exceeded(rig: ClaudeRig) -> None:
    outcome = rig.run(rig.turn(f"{bash('true')}\nsay: never", limits={"max_turns": 1})).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.BUDGET_EXCEEDED)


def test_a_stop_in_a_model_call_leaves_no_process(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn("slow: 300"), when=lambda rig: bool(rig.model.model_calls))

    assert ran.outcome.ending is Ending.STOPPED
    assert rig.processes() == []


def test_a_stop_in_a_shell_tool_leaves_no_process(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn(bash(SLEEP_LONG)), when=_a_command_sleeps)

    assert ran.outcome.ending is Ending.STOPPED
    assert rig.processes() == []


def test_a_stop_while_the_client_starts_leaves_no_process(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn("say: hi"), when=lambda rig: bool(rig.processes()))

    assert ran.outcome.ending is Ending.STOPPED
    assert rig.processes() == []


def test_a_stopped_session_can_be_resumed(rig: ClaudeRig) -> None:
    first = rig.run(rig.turn("slow: 300\nthe word is bergamot"), when=lambda rig: bool(rig.model.model_calls))
    second = rig.run(rig.turn("recall", resume=first.backend_session_id))

    assert "bergamot" in second.outcome.result_text


def test_what_the_agent_left_running_ends_with_the_turn(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn(f"{bash(f'setsid nohup {SLEEP_LONG} >/dev/null 2>&1 & echo started')}\nsay: {{{{last}}}}"))

    assert ran.outcome.result_text == "started"
    assert rig.processes() == []


def test_a_killed_client_is_a_failure_and_its_tools_end_too(rig: ClaudeRig) -> None:
    def kill_it(rig: ClaudeRig) -> bool:
        if not _a_command_sleeps(rig):
            return False
        for process in rig.processes():
            if process.name() == "claude":
                process.kill()
        # Never true: the turn has to end by itself, not because it was stopped.
        return False

    ran = rig.run(rig.turn(bash(SLEEP_LONG)), when=kill_it)

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.SIGNAL)
    assert rig.processes() == []


def test_the_projects_own_hooks_and_servers_are_not_run(rig: ClaudeRig) -> None:
    _booby_trap(rig.project_dir)
    rig.run(rig.turn("say: ok"))

    assert not (rig.project_dir / "hook-ran").exists()
    assert not (rig.project_dir / "server-ran").exists()


def test_a_blueprint_may_switch_the_projects_settings_on(rig: ClaudeRig) -> None:
    _booby_trap(rig.project_dir)
    rig.run(rig.turn("say: ok", options={"setting_sources": ["project"], "load_other_mcp_servers": True}))

    assert (rig.project_dir / "hook-ran").exists()
    assert (rig.project_dir / "server-ran").exists()


def test_a_prompt_of_200_kilobytes_arrives_whole_and_as_it_was_written(rig: ClaudeRig) -> None:
    (rig.project_dir / "file.txt").write_text("not to be read")
    prompt = "say: ok\n@file.txt\n" + "ä line of ünïcode 🚀\n" * 8000
    outcome = rig.run(rig.turn(prompt)).outcome

    assert outcome.result_text == "ok"
    call = rig.model.wait_for_model_call()
    assert prompt.strip() in call.messages_text
    assert "not to be read" not in call.messages_text


def test_a_prompt_that_looks_like_a_command_of_the_client_is_only_text(rig: ClaudeRig) -> None:
    assert rig.run(rig.turn("/clear")).outcome.result_text == "you said: /clear"


def test_tools_know_the_session_they_run_in(rig: ClaudeRig) -> None:
    ran = rig.run(rig.turn(f"{bash('echo $AGENT_SESSION_NAME')}\nsay: {{{{last}}}}"))

    assert ran.outcome.result_text == rig.session_name


def _a_command_sleeps(rig: ClaudeRig) -> bool:
    return any("time.sleep(300)" in " ".join(_command_line(process)) for process in rig.processes())


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.name().startswith("python") else []
    except psutil.Error:
        return []


def _mcp_server(folder: Path) -> str:
    path = folder / "lab_server.py"
    path.write_text(
        "import os\n"
        "from mcp.server import MCPServer\n"
        "server = MCPServer('lab')\n"
        "@server.tool()\n"
        "def whoami(greeting: str) -> str:\n"
        "    return f'{greeting} {os.environ[\"TOKEN\"]}'\n"
        "server.run()\n"
    )
    return str(path)


def _booby_trap(project_dir: Path) -> None:
    hook = {"matcher": "", "hooks": [{"type": "command", "command": f"touch {project_dir}/hook-ran"}]}
    (project_dir / ".claude").mkdir()
    settings = {"hooks": {"UserPromptSubmit": [hook]}, "enableAllProjectMcpServers": True}
    (project_dir / ".claude" / "settings.json").write_text(json.dumps(settings))
    server = {"command": "touch", "args": [f"{project_dir}/server-ran"]}
    (project_dir / ".mcp.json").write_text(json.dumps({"mcpServers": {"trap": server}}))


def test_what_it_would_have_to_ask_for_is_not_done_where_the_blueprint_rejects_it(
    rig: ClaudeRig, tmp_path: Path
) -> None:
    rig.variables["LAB_SECRET"] = "s"
    call = 'mcp: mcp__lab__whoami {"greeting": "hi"}'
    script = f"{bash('echo made > file; echo ran')}\n{call}\nsay: that was it"

    ran = rig.run(rig.turn(script, options={"permission": "reject"}, mcp_servers={"lab": lab_server(tmp_path)}))

    assert (ran.outcome.ending, ran.outcome.result_text) == (Ending.COMPLETED, "that was it")
    assert [event.is_error for event in ran.events if isinstance(event, ToolAnswered)] == [True, True]
    assert (tmp_path / STARTED).exists()
    assert not (tmp_path / CALLED).exists()
    assert not (rig.project_dir / "file").exists()


@pytest.mark.usefixtures("bubblewrap")
def test_in_a_sandbox_it_works_is_resumed_and_sees_nothing_of_the_home(rig: ClaudeRig) -> None:
    (rig.home / "secret").write_text("hidden-from-it")
    rig.variables = {"IS_SANDBOX": "", "PATH": SYSTEM_PATH}
    box = Bubblewrap(rig.home)
    look = bash(f"echo made > made; cat {rig.home}/secret || echo nothing there")
    first = rig.run(rig.turn(f"say: looking\n{look}\nsay: it says {{{{last}}}}", sandbox=box))

    again = rig.run(rig.turn("say: still here", resume=first.backend_session_id, sandbox=box))

    assert (first.outcome.ending, first.outcome.error) == (Ending.COMPLETED, None)
    assert "nothing there" in first.outcome.result_text
    assert "hidden-from-it" not in str(first.events)
    assert (rig.project_dir / "made").read_text() == "made\n"
    assert (again.outcome.ending, again.outcome.result_text) == (Ending.COMPLETED, "still here")
    assert rig.processes() == []


def test_without_its_sandbox_it_is_not_started(rig: ClaudeRig, tmp_path: Path) -> None:
    rig.variables = {"PATH": str(tmp_path)}

    ran = rig.run(rig.turn("say: never", sandbox=Bubblewrap(rig.home)))

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.SANDBOX_UNAVAILABLE)
    assert ran.events == []
