"""Every tool, over both transports, called by the SDK's own client against a real runtime."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from support.process import ProcessUnderTest
from support.runtime_api import JsonObject, RuntimeApi
from support.runtime_process import RuntimeProcess

SCRIPT = Path(__file__).resolve().parents[1] / "agent-orchestrator-mcp.py"
TOOLS = {
    "list_agent_blueprints", "list_agent_sessions", "start_agent_session", "resume_agent_session",
    "get_agent_session_status", "get_agent_session_result", "stop_agent_session", "wait_for_agent_sessions",
    "list_questions", "answer_question", "delete_all_agent_sessions",
}  # fmt: skip

Connect = Callable[[str | None], AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime without a launcher: the tests are the launcher."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture
def api(runtime: RuntimeProcess) -> Iterator[RuntimeApi]:
    """The runtime's API with the user's token."""
    client = runtime.api
    yield client
    client.close()


@pytest.fixture(scope="module")
def server_url(runtime: RuntimeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our server over streamable HTTP."""
    process = ProcessUnderTest("mcp-server", tmp_path_factory.mktemp("mcp") / "server.log")
    environment = _environment(runtime, session=None, token=None)
    process.spawn([sys.executable, str(SCRIPT), "--transport", "http", "--port", "0"], environment, Path.cwd())
    try:
        process.wait_for_line("/mcp")
        found = re.search(r"http://\S+/mcp", process.said())
        assert found
        yield found[0]
    finally:
        process.leave_nothing()


@pytest.fixture(params=["stdio", "http"])
def connect(request: pytest.FixtureRequest, runtime: RuntimeProcess) -> Connect:
    """Connect the SDK's client as a session, or as nobody's session."""
    if request.param == "stdio":
        return lambda session: _over_stdio(runtime, session)
    url = cast("str", request.getfixturevalue("server_url"))
    return lambda session: _over_http(url, session, runtime.token)


@asynccontextmanager
async def _over_stdio(runtime: RuntimeProcess, session: str | None) -> AsyncIterator[Client]:
    environment = _environment(runtime, session, runtime.token)
    async with Client(StdioServerParameters(command=sys.executable, args=[str(SCRIPT)], env=environment)) as client:
        yield client


@asynccontextmanager
async def _over_http(url: str, session: str | None, token: str | None) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"X-Agent-Session-Name": session or "${AGENT_SESSION_NAME}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def _environment(runtime: RuntimeProcess, session: str | None, token: str | None) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}
    given = {"AGENT_SESSION_NAME": session, "AGENT_RUNTIME_TOKEN": token}
    return {**own, "AGENT_RUNTIME_URL": runtime.url} | {name: value for name, value in given.items() if value}


@dataclass
class Answer:
    """What a tool answered."""

    is_error: bool
    text: str
    data: JsonObject


async def call(client: Client, tool: str, **arguments: object) -> Answer:
    """Call a tool as a model would."""
    result = await client.call_tool(tool, dict(arguments))
    assert isinstance(result, CallToolResult)
    said = "".join(str(getattr(block, "text", "")) for block in result.content)
    return Answer(bool(result.is_error), said, cast("JsonObject", result.structured_content))


def run(body: Callable[[], object]) -> None:
    """Run an asynchronous test."""
    anyio.run(body)  # type: ignore[arg-type]


def begin(api: RuntimeApi, session: str) -> tuple[str, JsonObject]:
    """Be the launcher of a session's turn at its start; its job, and what proves that it is ours."""
    job_id = str(cast("JsonObject", api.ask("GET", f"/sessions/{session}")["session"])["current_job_id"])
    launcher = str(api.ask("POST", "/launcher/register", {})["launcher_id"])
    job = _claim(api, launcher, job_id)
    proof = {"launcher_id": launcher, "attempt": job["attempt"], "token": job["token"]}
    api.ask("POST", f"/launcher/jobs/{job_id}/started", proof)
    return job_id, proof


def finish(api: RuntimeApi, session: str, text: str) -> None:
    """Be the launcher and the agent of a session's turn."""
    job_id, proof = begin(api, session)
    api.ask("POST", f"/sessions/{session}/events", {"type": "result", "data": {"text": text}, "job_id": job_id})
    api.ask("POST", f"/launcher/jobs/{job_id}/completed", {**proof, "status": "success"})


def _claim(api: RuntimeApi, launcher: str, job_id: str) -> JsonObject:
    """Claim one job, and give back what comes with it from other tests."""
    mine: JsonObject = {}
    while not mine:
        found = api.http.get("/launcher/jobs", params={"launcher_id": launcher, "wait": 5, "slots": 100, "batch": 100})
        jobs = cast("list[JsonObject]", found.json()["jobs"]) if found.status_code == 200 else []
        for job in jobs:
            if job["job_id"] == job_id:
                mine = job
                continue
            proof = {"launcher_id": launcher, "attempt": job["attempt"], "token": job["token"]}
            api.ask("POST", f"/launcher/jobs/{job['job_id']}/declined", {**proof, "reason": "spawn_failed"})
    return mine


def fresh(word: str) -> str:
    """A session name of a test's own."""
    return f"{word}-{secrets.token_hex(4)}"


def test_all_tools_are_there_with_words_for_a_model_and_typed_answers(connect: Connect) -> None:
    async def body() -> None:
        async with connect(None) as client:
            tools = (await client.list_tools()).tools

        assert {tool.name for tool in tools} == TOOLS
        for tool in tools:
            assert len(tool.description or "") > 60, tool.name
            assert tool.output_schema, tool.name
            arguments = cast("dict[str, dict[str, object]]", tool.input_schema.get("properties", {}))
            assert all(shape.get("description") for shape in arguments.values()), tool.name
            assert not {"parent", "parent_session_name", "caller"} & set(arguments), tool.name

    run(body)


def test_a_session_starts_a_child_is_its_parent_and_reads_its_result(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        boss, child = fresh("boss"), fresh("child")
        api.create_job(boss, "begin")
        async with connect(boss) as client:
            blueprints = await call(client, "list_agent_blueprints")
            assert "echo" in str(blueprints.data["agents"])

            started = await call(client, "start_agent_session", session_name=child, agent_name="echo", prompt="hello")
            assert (started.data["parent_session_name"], started.data["callback"]) == (boss, True), started.text
            await anyio.to_thread.run_sync(finish, api, child, "the child's word")

            status = await call(client, "get_agent_session_status", session_name=child)
            assert (status.data["status"], status.data["at_rest"]) == ("finished", True)
            result = await call(client, "get_agent_session_result", session_name=child)
            assert (result.data["result"], result.data["next_offset"]) == ("the child's word", None)
            mine = await call(client, "list_agent_sessions", children_only=True)
            assert [row["session_name"] for row in cast("list[JsonObject]", mine.data["sessions"])] == [child]
        (news,) = cast("list[JsonObject]", api.ask("GET", f"/sessions/{boss}/callbacks")["callbacks"])
        assert (news["state"], news["reason"]) == ("consumed", "read_by_parent")

    run(body)


def test_a_broken_blueprint_is_listed_with_its_sentence_beside_the_good_ones(
    connect: Connect, runtime: RuntimeProcess
) -> None:
    folder = runtime.folder / ".agent-orchestrator" / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sheet.md").write_text("---\ndescription: [a\n---\nwork\n")

    async def body() -> None:
        async with connect(None) as client:
            listed = await call(client, "list_agent_blueprints")
        agents = {row["name"]: row for row in cast("list[JsonObject]", listed.data["agents"])}
        assert (agents["echo"]["is_active"], agents["echo"]["error"]) == (True, None)
        assert (agents["sheet"]["is_active"], "not YAML" in str(agents["sheet"]["error"])) == (False, True)

    run(body)


def test_waiting_answers_running_with_a_cursor_and_goes_on_from_there(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        names = [fresh("one"), fresh("two")]
        for name in names:
            api.create_job(name, "begin")
        async with connect(None) as client:
            first = await call(client, "wait_for_agent_sessions", session_names=names, mode="any", timeout_seconds=0)
            assert (first.is_error, first.data["state"]) == (False, "running")
            await anyio.to_thread.run_sync(finish, api, names[1], "two is done")
            second = await call(client, "wait_for_agent_sessions", mode="any", cursor=first.data["cursor"])
            assert (second.data["state"], second.data["newly_at_rest"]) == ("done", [names[1]])
            again = {"mode": "any", "cursor": second.data["cursor"], "timeout_seconds": 0}
            third = await call(client, "wait_for_agent_sessions", **again)
            assert (third.data["state"], third.data["newly_at_rest"]) == ("running", [])
            await anyio.to_thread.run_sync(finish, api, names[0], "one is done")
            last = await call(client, "wait_for_agent_sessions", session_names=names)
            assert last.data["state"] == "done"

    run(body)


def test_a_long_result_comes_in_pieces(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        name, text = fresh("long"), "0123456789" * 4500
        api.create_job(name, "begin")
        await anyio.to_thread.run_sync(finish, api, name, text)
        async with connect(None) as client:
            read = ""
            offset: int | None = 0
            while offset is not None:
                piece = await call(client, "get_agent_session_result", session_name=name, offset=offset)
                read += str(piece.data["result"])
                offset = cast("int | None", piece.data["next_offset"])

        assert read == text

    run(body)


def test_resuming_stopping_and_deleting(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        boss, child = fresh("boss"), fresh("child")
        api.create_job(boss, "begin")
        async with connect(boss) as client:
            await call(client, "start_agent_session", session_name=child, agent_name="echo", prompt="hello")
            queued = await call(client, "resume_agent_session", session_name=child, prompt="and more")
            assert queued.data["status"] == "pending", queued.text
            kept = await call(client, "delete_all_agent_sessions")
            assert (kept.data["deleted"], kept.data["kept"]) == (0, 1)
            stopped = await call(client, "stop_agent_session", session_name=child)
            assert len(cast("list[str]", stopped.data["stopped_jobs"])) == 2
            gone = await call(client, "delete_all_agent_sessions")
            assert (gone.data["deleted"], gone.data["kept"]) == (1, 0)
        assert api.session_status(child) == "not_existent"
        assert api.session_status(boss) == "pending"

    run(body)


def test_what_an_agent_asks_is_listed_and_answered(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        name = fresh("asker")
        api.create_job(name, "begin")
        await anyio.to_thread.run_sync(begin, api, name)
        asked = {"kind": "choice", "call_id": "c", "session_name": name, "choices": [{"label": "red"}]}
        api.ask("POST", "/questions", {**asked, "text": "Which?"})
        async with connect(None) as client:
            listed = await call(client, "list_questions")
            (question,) = [one for one in cast("list[JsonObject]", listed.data["questions"]) if name in one.values()]
            refused = await call(client, "answer_question", question_id=question["question_id"])
            answered = await call(client, "answer_question", question_id=question["question_id"], answer="red")

        assert question["asks"] == "Which? [red]"
        assert refused.is_error
        assert "either a 'decision' or an 'answer'" in refused.text
        assert cast("JsonObject", answered.data["question"])["answered_by"] == "user"

    run(body)


def test_errors_are_one_sentence_and_a_code(connect: Connect, api: RuntimeApi) -> None:
    async def body() -> None:
        taken = fresh("taken")
        api.create_job(taken, "begin")
        async with connect(None) as client:
            exists = await call(client, "start_agent_session", session_name=taken, agent_name="echo", prompt="x")
            unknown = await call(client, "get_agent_session_result", session_name="nobody-here")
            absent = await call(client, "get_agent_session_status", session_name="nobody-here")
            nothing = await call(client, "wait_for_agent_sessions")
            foreign = await call(client, "wait_for_agent_sessions", cursor="bm9wZQ")

        assert (exists.is_error, exists.data["code"]) == (True, "session_exists")
        assert exists.text.count("\n") == 0
        assert (unknown.is_error, unknown.data["code"]) == (True, "session_unknown")
        assert (absent.is_error, absent.data["status"]) == (False, "not_existent")
        assert nothing.data["code"] == foreign.data["code"] == "invalid_parameters"

    run(body)


ODD_CALLS: list[tuple[str, dict[str, object], str, str]] = [
    ("list_agent_sessions", {"limit": 1000}, "", "sessions"),
    ("list_agent_sessions", {"limit": "5", "children_only": "False", "status": ""}, "", "sessions"),
    ("list_agent_sessions", {"limit": 5.0, "status": None, "verbose": True}, "", "sessions"),
    ("list_agent_sessions", {"limit": 0}, "", "sessions"),
    ("list_agent_sessions", {"limit": -(10**400)}, "invalid_parameters", "a whole number from 1 to 200"),
    ("list_agent_sessions", {"limit": "many"}, "invalid_parameters", "a whole number from 1 to 200, found 'many'"),
    ("list_agent_sessions", {"limit": [5]}, "invalid_parameters", "'limit'"),
    ("list_agent_sessions", {"children_only": "perhaps"}, "invalid_parameters", "true or false, found 'perhaps'"),
    ("list_agent_sessions", {"status": {"a": 1}}, "invalid_parameters", "expected a text"),
    ("get_agent_session_status", {}, "invalid_parameters", "'session_name': expected a text, found nothing"),
    ("get_agent_session_status", {"session_name": None}, "invalid_parameters", "found nothing"),
    ("get_agent_session_status", {"session": "x"}, "invalid_parameters", "did you mean 'session_name'?"),
    ("get_agent_session_status", {"sessionName": "x"}, "invalid_parameters", "did you mean 'session_name'?"),
    ("get_agent_session_status", {"session_name": " no-such "}, "", "not_existent"),
    ("get_agent_session_status", {"session_name": 5}, "", "not_existent"),
    ("get_agent_session_status", {"session_name": ["a", "b"]}, "invalid_parameters", "found ['a', 'b']"),
    ("get_agent_session_status", {"session_name": "x", "extra": "y"}, "", "not_existent"),
    ("get_agent_session_result", {"session_name": "no-such", "offset": "-3"}, "session_unknown", "no session"),
    ("wait_for_agent_sessions", {"session_names": "no-such"}, "session_unknown", "no session"),
    ("wait_for_agent_sessions", {"session_names": '["no-such"]', "mode": "ANY"}, "session_unknown", "no session"),
    ("wait_for_agent_sessions", {"session_names": [], "cursor": ""}, "invalid_parameters", "cannot wait"),
    ("wait_for_agent_sessions", {"session_names": [{"name": "x"}]}, "invalid_parameters", "a list of texts"),
    ("wait_for_agent_sessions", {"session_names": "x", "mode": "some"}, "invalid_parameters", "one of all, any"),
    (
        "start_agent_session",
        {"session_name": "--help", "agent_name": "echo", "prompt": "x"},
        *("invalid_parameters", "'-'"),
    ),
    (
        "start_agent_session",
        {"session_name": "x", "agent_name": "echo", "prompt": "x", "timeout_seconds": 0},
        *("invalid_parameters", "a number above 0, found 0"),
    ),
    (
        "start_agent_session",
        {"session_name": "x", "agent_name": "echo", "prompt": "x", "timeout": 5},
        *("invalid_parameters", "did you mean 'timeout_seconds'?"),
    ),
    ("start_session", {}, "tool_unknown", "did you mean"),
    ("nonsense", {}, "tool_unknown", "there are"),
]


def test_a_tool_takes_what_models_send_or_explains_it_in_our_own_words(connect: Connect) -> None:
    async def body() -> None:
        async with connect(None) as client:
            for tool, arguments, code, words in ODD_CALLS:
                answer = await call(client, tool, **arguments)
                found = (answer.data.get("code", ""), words in answer.text)
                assert found == (code, True), (tool, arguments, answer.text)
                assert not re.search("pydantic|validation error|Error executing|Traceback", answer.text), answer.text

    run(body)


def test_over_http_the_server_lends_nobody_its_own_token(server_url: str) -> None:
    async def body() -> None:
        async with _over_http(server_url, None, token=None) as client:
            answer = await call(client, "list_agent_sessions")

        assert (answer.is_error, answer.data["code"]) == (True, "unauthorized")

    run(body)


def test_a_page_of_another_site_cannot_call_it(server_url: str) -> None:
    foreign_host = httpx2.post(server_url, headers={"Host": "evil.example"}, json={}, trust_env=False)
    foreign_page = httpx2.post(server_url, headers={"Origin": "https://evil.example"}, json={}, trust_env=False)

    assert foreign_host.status_code in {403, 421}
    assert foreign_page.status_code == 403


def test_it_refuses_an_open_address_without_a_name() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--transport", "http", "--host", "0.0.0.0"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "--allowed-host" in done.stderr
