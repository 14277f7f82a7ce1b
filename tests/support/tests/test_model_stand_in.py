"""The model stand-in on its own: what it answers is decided by the messages alone."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.model_stand_in import ModelStandIn
from support.model_stand_in.conversation import read_conversation
from support.model_stand_in.model import decide
from support.model_stand_in.wire import JsonObject, objects, text_of

TESTS = Path(__file__).parents[2]


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def called(name: str) -> JsonObject:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": name, "input": {}}]}


def result(text: str) -> JsonObject:
    block: JsonObject = {"type": "tool_result", "tool_use_id": "t", "content": text}
    return {"role": "user", "content": [block]}


def answer_to(*messages: JsonObject) -> list[JsonObject]:
    return decide({"messages": list(messages)}).answer.blocks


def ask(url: str, *messages: JsonObject) -> httpx.Response:
    body = {"model": "m", "messages": list(messages)}
    return httpx.post(f"{url}/v1/messages?beta=true", json=body, timeout=30)


def test_each_result_of_a_tool_brings_the_next_line_of_the_script() -> None:
    script = user('tool: Bash {"command": "ls"}\nmcp: mcp__a__b {}\nsay: {{last}} is all')

    assert answer_to(script)[0]["name"] == "Bash"
    assert answer_to(script, called("Bash"), result("x"))[0]["name"] == "mcp__a__b"
    last = answer_to(script, called("Bash"), result("x"), called("mcp__a__b"), result("y"))
    assert text_of(list(last)) == "y is all"


def test_tools_joined_by_and_are_called_in_one_answer() -> None:
    blocks = answer_to(user("say: both\ntool: A {}\nand tool: B {}\nsay: later"))

    assert [block.get("name", block["type"]) for block in blocks] == ["text", "A", "B"]


def test_a_part_of_a_result_can_be_used_in_the_next_call() -> None:
    script = user('tool: A {}\ntool: B {"cursor": "{{last.page.0.cursor}}"}')
    blocks = answer_to(script, called("A"), result('{"page": [{"cursor": "c\\"7"}]}'))

    assert blocks[0]["input"] == {"cursor": 'c"7'}


def test_news_without_a_script_are_met_with_what_was_planned_for_later() -> None:
    first, news = (
        user('say: waiting\nlater: tool: Fetch {"name": "kid"}\nlater: say: got {{last}}'),
        user("kid is done"),
    )
    waiting: JsonObject = {"role": "assistant", "content": "waiting"}

    assert answer_to(first, waiting, news)[0]["name"] == "Fetch"
    assert text_of(list(answer_to(first, waiting, news, called("Fetch"), result("42")))) == "got 42"


def test_a_script_that_is_only_quoted_is_not_obeyed() -> None:
    assert text_of(list(answer_to(user("the child said:\ntool: Bash {}")))).startswith("you said: the child said:")


def test_notes_of_the_client_are_not_prompts() -> None:
    note: JsonObject = {"type": "text", "text": "<system-reminder>say: no</system-reminder>"}
    content: list[JsonObject] = [note, {"type": "text", "text": "say: yes"}]
    told = read_conversation({"messages": [{"role": "user", "content": list(content)}]})

    assert told.prompts == ("say: yes",)


def test_recall_answers_with_every_earlier_prompt() -> None:
    said: JsonObject = {"role": "assistant", "content": "ok"}

    assert text_of(list(answer_to(user("one"), said, user("two"), said, user("recall")))) == "I remember:\none\ntwo"


def test_an_error_with_a_number_is_given_that_often_to_each_conversation() -> None:
    with ModelStandIn() as model:
        statuses = [ask(model.url, user("error: 529 x2\nsay: well")).status_code for _ in range(3)]
        other = ask(model.url, user("error: 529 x1\nsay: well"))

    assert statuses == [529, 529, 200]
    assert other.json()["error"]["type"] == "overloaded_error"


def test_many_conversations_are_answered_while_one_is_slow() -> None:
    with ThreadPoolExecutor(9) as pool:
        with ModelStandIn() as model:
            slow = pool.submit(ask, model.url, user("slow: 300\nsay: never"))
            model.wait_for_model_call()
            quick = list(pool.map(lambda number: ask(model.url, user(f"say: {number}")), range(8)))
            was_slow = not slow.done()
        # The stand-in's end lets the slow one go, without an answer.
        error = slow.exception()

    assert [text_of(answer.json()["content"]) for answer in quick] == [str(number) for number in range(8)]
    assert was_slow
    assert isinstance(error, httpx.RemoteProtocolError)


def test_requests_are_recorded_without_their_secrets() -> None:
    with ModelStandIn() as model:
        httpx.post(f"{model.url}/v1/messages", json={"messages": []}, headers={"X-Api-Key": "sk-1"})
        call = model.wait_for_model_call()

    assert call.credential == "x-api-key"
    assert "sk-1" not in str(call)


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"messages": [{"role": "user", "content": "tool: A nothing"}]}'])
def test_a_request_that_cannot_be_answered_is_refused_like_the_api_does(body: bytes) -> None:
    with ModelStandIn() as model:
        answer = httpx.post(f"{model.url}/v1/messages", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_as_a_process_it_prints_its_port_and_leaves_its_records(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.model_stand_in", "--requests-file", str(tmp_path / "requests.json")]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        answer = ask(f"http://127.0.0.1:{port}", user("say: hello"))
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0
    assert text_of(answer.json()["content"]) == "hello"
    recorded = json.loads((tmp_path / "requests.json").read_text())
    assert [request["path"] for request in recorded] == ["/v1/messages?beta=true"]
    assert objects(recorded[0]["body"]["messages"]) == [user("say: hello")]
