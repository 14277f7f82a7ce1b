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

# Real clients, several starts each: minutes on a machine that does other things as well.
pytestmark = pytest.mark.timeout(300)


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
    _make_patient(api)

    def order(name: str, script: str, agent: str = "claude") -> None:
        api.create_job(name, script, agent_name=agent, project_dir=str(tmp_path))

    def wait_for(name: str) -> str:
        wait_until(lambda: api.session_status(name) == "finished", f"the end of {name}", 120)
        return api.result(name)

    wrongs = {"overloaded": "error: 529", "broken": "cut: for ever", "hanging": "slow: 600"}
    for name, trouble in wrongs.items():
        order(name, f"{trouble}\nlater: say: well after {name}")
    hangs = {"model": "slow: 600", "tool": 'tool: Bash {"command": "sleep 600"}'}
    for name, trouble in hangs.items():
        order(name, f"{trouble}\nlater: say: well after {name}", "patient")
    for name in (*wrongs, *hangs):
        assert wait_for(name) == f"well after {name}"
    assert _reasons(api, "overloaded") == ["model_overloaded", None]
    assert _reasons(api, "broken") == _reasons(api, "hanging") == ["model_unreachable", None]

    for name in hangs:
        assert _reasons(api, name) == ["stalled", None]
        assert [told["waits_for"] for told in _stalls(api, name)] == [name]

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


def _make_patient(api: RuntimeApi) -> None:
    """An agent that would wait for its model for long, and is not let."""
    claude = api.ask("GET", "/agents/claude")
    options = {**cast("JsonObject", claude["options"]), "env": {"API_TIMEOUT_MS": "600000"}}
    stalls = {"told_after_seconds": 2, "stopped_after_seconds": 4, "tools": {"Bash": 4}}
    more = {"options": options, "stalls": stalls, "retries": {"agent": 1}}
    api.ask("POST", "/agents", {"name": "patient", "backend": "claude", **more})


def _stalls(api: RuntimeApi, session: str) -> list[JsonObject]:
    return [one["data"] for one in api.events(session) if one["type"] == "session.stalled"]


def _holds(api: RuntimeApi) -> list[JsonObject]:
    return cast("list[JsonObject]", api.ask("GET", "/holds")["holds"])


def _reasons(api: RuntimeApi, session: str) -> list[object]:
    (job,) = api.jobs(session=session)
    attempts = cast("list[JsonObject]", api.ask("GET", f"/jobs/{job['job_id']}/attempts")["attempts"])
    return [attempt["reason"] for attempt in attempts]
