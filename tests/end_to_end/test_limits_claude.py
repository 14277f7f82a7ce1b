"""Hours alone with the real Claude Code client: limits, overload and broken connections are not the user's problem.

The model behind it is the stand-in, whose answers the prompt itself scripts; everything else is real.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.runtime_api import JsonObject, RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until


@pytest.fixture
def subscriber(runtime: RuntimeProcess, model: ModelStandIn, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher whose Claude Code is signed in with a subscription, and gives up at the first failure."""
    process = LauncherProcess(
        tmp_path / "launcher",
        runtime.url,
        runtime.token,
        environment={
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-stand-in",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "API_TIMEOUT_MS": "3000",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )
    try:
        yield process.start()
    finally:
        process.leave_nothing()


def test_what_the_service_does_wrong_and_a_used_up_limit_end_in_results(
    api: RuntimeApi, subscriber: LauncherProcess, model: ModelStandIn, tmp_path: Path
) -> None:
    def order(name: str, script: str) -> None:
        api.create_job(name, script, agent_name="claude", project_dir=str(tmp_path))

    def wait_for(name: str) -> str:
        wait_until(lambda: api.session_status(name) == "finished", f"the end of {name}", 120)
        return api.result(name)

    wrongs = {"overloaded": "error: 529", "broken": "cut: for ever", "hanging": "slow: 600"}
    for name, trouble in wrongs.items():
        order(name, f"{trouble}\nlater: say: well after {name}")
    assert [wait_for(name) for name in wrongs] == [f"well after {name}" for name in wrongs]
    assert _reasons(api, "overloaded") == ["model_overloaded", None]
    assert _reasons(api, "broken") == _reasons(api, "hanging") == ["model_unreachable", None]

    order("first", "limit: 8\nlater: say: after the limit")
    (hold,) = wait_until(lambda: _holds(api), "the hold", 60)
    assert (hold["backend"], hold["limit"]) == ("claude", "5-hour limit")
    order("second", "say: nobody refused me")
    (waiting,) = api.jobs(session="second")
    assert waiting["reason"] == "quota_held"

    assert (wait_for("first"), wait_for("second")) == ("after the limit", "nobody refused me")
    assert model.refusals == 1
    assert _reasons(api, "first") == ["quota_exhausted", None]
    wait_until(lambda: not _holds(api), "the end of the hold")


def test_a_turn_that_hangs_is_told_of_stopped_and_tried_again(
    api: RuntimeApi, subscriber: LauncherProcess, tmp_path: Path
) -> None:
    """Its client would wait for its model, or its tool, for hours."""
    claude = api.ask("GET", "/agents/claude")
    options = {**cast("JsonObject", claude["options"]), "env": {"API_TIMEOUT_MS": "600000"}}
    stalls = {"told_after_seconds": 2, "stopped_after_seconds": 4, "tools": {"Bash": 4}}
    patient = {"options": options, "stalls": stalls, "retries": {"agent": 1}}
    api.ask("POST", "/agents", {"name": "patient", "backend": "claude", **patient})
    hangs = {"model": "slow: 600", "tool": 'tool: Bash {"command": "tail -f /dev/null"}'}

    jobs = [
        api.create_job(name, script, agent_name="patient", project_dir=str(tmp_path)) for name, script in hangs.items()
    ]
    ended = api.wait_for_all(jobs, 120)

    assert [job["status"] for job in ended] == ["completed", "completed"]
    for name in hangs:
        stalls_told = [event["data"] for event in api.events(name) if event["type"] == "session.stalled"]
        assert _reasons(api, name) == ["stalled", None]
        assert {told["waits_for"] for told in stalls_told} == {name}


def _holds(api: RuntimeApi) -> list[JsonObject]:
    return cast("list[JsonObject]", api.ask("GET", "/holds")["holds"])


def _reasons(api: RuntimeApi, session: str) -> list[object]:
    (job,) = api.jobs(session=session)
    attempts = cast("list[JsonObject]", api.ask("GET", f"/jobs/{job['job_id']}/attempts")["attempts"])
    return [attempt["reason"] for attempt in attempts]
