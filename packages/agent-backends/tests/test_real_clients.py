"""The real clients behind the backends `codex`, `gemini` and `acp`; only the models behind them are a stand-in.

Each start of a client costs seconds, so one run proves several things.
"""

import json
from pathlib import Path

import psutil
import pytest

from agent_backends.protocol import Ending, Started, ToolAnswered, ToolCalled
from runtime_client.reasons import Reason
from support.agent_rig import AgentRig
from support.client_rigs import CODEX, GEMINI, ClientBench
from support.lab_server import lab_server

pytestmark = pytest.mark.long

SLEEP_LONG = "python3 -c 'import time; time.sleep(300)'"
# OpenCode tries a 429 again for ever and tells nobody, and of a status that it gives up at it tells the text alone.
LIMITS = {"opencode": "402 You have hit your usage limit"}
LIMIT = "429 You have hit your usage limit"
REASONS = {
    "codex": (Reason.QUOTA_EXHAUSTED, Reason.BACKEND_AUTH),
    "gemini": (Reason.RATE_LIMITED, Reason.BACKEND_AUTH),
    "opencode": (Reason.NONZERO_EXIT, Reason.NONZERO_EXIT),
    "claude-acp": (Reason.RATE_LIMITED, Reason.BACKEND_AUTH),
}


def test_it_works_in_the_project_folder_says_what_it_does_and_goes_on_in_another_process(
    bench: ClientBench, tmp_path: Path
) -> None:
    command = bench.client.run("echo made > file.txt; pwd; echo $AGENT_SESSION_NAME")
    greeting = bench.client.call("lab", "whoami", {"greeting": "hi"})
    script = f"say: looking 👋\nand {command}\nsay: it says {{{{last}}}}\nand {greeting}\nsay: {{{{last}}}}"
    bench.rig.variables = {**bench.rig.variables, "LAB_SECRET": "secret-of-the-lab"}
    first = bench.rig.run(
        bench.rig.turn(f"{script}\nthe word is heliotrope", mcp_servers={"lab": lab_server(tmp_path)})
    )
    second = bench.run("recall", first)

    assert (first.outcome.ending, first.outcome.error) == (Ending.COMPLETED, None)
    assert (bench.rig.project_dir / "file.txt").read_text() == "made\n"
    assert first.said[0] == "looking 👋"
    assert first.said[1].startswith("it says")
    assert str(bench.rig.project_dir) in first.said[1]
    assert bench.rig.session_name in first.said[1]
    assert "hi secret-of-the-lab" in first.outcome.result_text
    assert isinstance(first.events[0], Started)
    assert first.events[0].client is not None
    calls = [event for event in first.events if isinstance(event, ToolCalled)]
    answers = [event for event in first.events if isinstance(event, ToolAnswered)]
    assert [call.tool_call_id for call in calls] == [answer.tool_call_id for answer in answers]
    assert "file.txt" in json.dumps(calls[0].input)
    assert bench.rig.session_name in json.dumps(answers[0].output)
    assert first.outcome.usage is not None
    assert first.outcome.usage.input_tokens > 0

    assert (second.outcome.ending, second.outcome.error) == (Ending.COMPLETED, None)
    assert "heliotrope" in second.outcome.result_text
    assert second.backend_session_id == first.backend_session_id
    assert len(second.said) == 1
    assert bench.rig.processes() == []


def test_a_stop_in_the_middle_of_a_tool_leaves_nothing_alive_and_the_conversation_whole(bench: ClientBench) -> None:
    more = {"yield_time_ms": 300_000} if bench.client is CODEX else {}
    stopped = bench.rig.run(
        bench.rig.turn(f"{bench.client.run(SLEEP_LONG, **more)}\nthe word is bergamot"),
        when=lambda _: a_command_sleeps(bench.rig),
    )
    left = bench.rig.processes()
    gone_on = bench.run("recall", stopped)

    assert stopped.outcome.ending is Ending.STOPPED
    assert left == []
    assert "bergamot" in gone_on.outcome.result_text


def test_a_refused_model_call_or_one_that_breaks_off_is_a_failure_with_its_reason(bench: ClientBench) -> None:
    broken = bench.run("cut: for ever").outcome if bench.client in (CODEX, GEMINI) else None
    limit = bench.run(f"error: {LIMITS.get(bench.client.name, LIMIT)}").outcome
    refused = bench.run("error: 401").outcome

    assert (limit.ending, refused.ending) == (Ending.FAILED, Ending.FAILED)
    assert (limit.reason, refused.reason) == REASONS[bench.client.name]
    assert broken is None or broken.reason is Reason.MODEL_UNREACHABLE
    assert broken is None or "stream" in str(broken.error)
    assert "usage limit" in str(limit.error)
    assert "\n" not in str(limit.error) + str(refused.error)


def test_a_conversation_that_is_not_there_is_not_begun_anew(bench: ClientBench) -> None:
    unknown = "11111111-1111-4111-8111-111111111111"
    outcome = bench.rig.run(bench.rig.turn("say: never", resume=unknown)).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SESSION_NOT_FOUND)
    assert bench.model.model_calls == []


def a_command_sleeps(rig: AgentRig) -> bool:
    return any("time.sleep(300)" in " ".join(_command_line(process)) for process in rig.processes())


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.name().startswith("python") else []
    except psutil.Error:
        return []
