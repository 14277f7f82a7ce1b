"""A parent's order says when its child begins, how urgently, and how often it is tried again."""

import secrets
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from orchestrator_mcp.all_tools import build_toolbox
from orchestrator_mcp.caller import Caller
from orchestrator_mcp.desk import Desk
from runtime_client.address import RuntimeAddress
from support.runtime_process import RuntimeProcess

Call = Callable[..., dict[str, object]]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime without a launcher."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture
def call(runtime: RuntimeProcess) -> Iterator[Call]:
    """Call a tool as a person's own client."""
    address = RuntimeAddress(runtime.url, runtime.token)
    desk = Desk(address)
    tools = build_toolbox(desk, None)
    caller = Caller(None, runtime.token, is_process=True)
    yield lambda tool, **arguments: cast(
        "dict[str, object]", tools.call(tool, arguments, lambda: caller)["structuredContent"]
    )
    desk.close()


def test_an_order_says_when_how_urgently_how_often_and_what_holds_for_its_questions(
    runtime: RuntimeProcess, call: Call
) -> None:
    name, then = f"later-{secrets.token_hex(4)}", "2150-01-31T03:00:00.000000Z"
    retries = {"agent": 1, "quota": "until_reset"}
    made = call(
        "start_agent_session",
        session_name=name,
        agent_name="echo",
        prompt="x",
        priority=-3,
        not_before="10h",
        retries=retries,
        questions={"at_expiry": "stop", "give_way_seconds": None},
    )
    resumed = call(
        "resume_agent_session", session_name=name, prompt="y", not_before=then, priority=500, retries='{"agent": 2}'
    )
    api = runtime.api
    first, second = (api.ask("GET", f"/jobs/{one['job_id']}") for one in (made, resumed))
    api.close()

    assert (first["priority"], first["reason"]) == (-3, "not_before")
    assert cast("dict[str, object]", first["retries"])["agent"] == 1
    terms = cast("dict[str, object]", first["questions"])
    assert (terms["at_expiry"], terms["parent"]) == ("stop", None)
    assert (second["priority"], second["not_before"]) == (100, then)
    assert cast("dict[str, object]", second["retries"])["agent"] == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"retries": "often"}, "'retries': expected an object, found 'often'"),
        ({"retries": {"agnet": 1}}, "did you mean 'agent'?"),
        ({"questions": {"at_expiry": "perhaps"}}, "'questions.at_expiry'"),
        ({"not_before": "tonight"}, "'not_before'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(call: Call, wrong: dict[str, object], said: str) -> None:
    refused = call("start_agent_session", session_name="never", agent_name="echo", prompt="x", **wrong)

    assert refused["code"] == "invalid_parameters"
    assert said in str(refused["detail"])
