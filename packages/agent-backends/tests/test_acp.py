"""The backend `acp` with the scripted agent that ships: what is said, allowed, set and handed on."""

import asyncio
import json
import logging
import shutil
from dataclasses import replace

import pytest

from agent_backends.acp.options import AcpOptions
from agent_backends.blueprint import Bubblewrap
from agent_backends.protocol import Ending, Said, Started, ToolAnswered, ToolCalled
from agent_backends.redaction import Secrets
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject
from support.agent_rig import FAKE_ACP, AgentRig
from support.bubblewrap import SYSTEM_PATH

IN_BUILD: JsonObject = {"config": {"mode": "build"}}
REJECT: JsonObject = {"permission": "reject", **IN_BUILD}


def test_a_turn_says_what_it_does_and_answers_with_what_follows_its_last_tool(rig: AgentRig) -> None:
    ran = rig.run(rig.turn("say: first grüß 👋\nrun: echo made > file; cat file\nthink: hm\nsay: it says {{last}}"))

    assert (ran.outcome.ending, ran.outcome.error) == (Ending.COMPLETED, None)
    assert ran.outcome.result_text == "it says made"
    assert (rig.project_dir / "file").read_text() == "made\n"
    started, *events = ran.events
    assert isinstance(started, Started)
    assert started.client is not None
    assert started.client["version"] == "1"
    assert [type(event).__name__ for event in events] == [
        *("BackendSession", "Message", "ToolCalled", "ToolAnswered", "Message"),
    ]
    assert ran.said == ["first grüß 👋", "it says made"]
    assert ToolCalled("call-1-1", "shell", {"command": "echo made > file; cat file"}) in events
    assert ToolAnswered("call-1-1", "shell", "made\n") in events
    assert ran.outcome.usage is not None
    assert (ran.outcome.usage.input_tokens, ran.outcome.usage.cache_read_tokens) == (10, 2)
    assert rig.processes() == []


def test_a_failing_tool_is_told_as_an_error_and_the_last_words_before_it_are_the_result(rig: AgentRig) -> None:
    ran = rig.run(rig.turn("say: I try\nrun: echo oops; exit 3"))

    assert [event.is_error for event in ran.events if isinstance(event, ToolAnswered)] == [True]
    assert (ran.outcome.ending, ran.outcome.result_text) == (Ending.COMPLETED, "I try")


@pytest.mark.parametrize("cannot", [(), ("--without", "resume")])
@pytest.mark.parametrize("faults", [(), ("slow-load",)])
def test_a_conversation_goes_on_and_what_it_replays_makes_no_event(
    rig: AgentRig, cannot: tuple[str, ...], faults: tuple[str, ...]
) -> None:
    command = (str(FAKE_ACP), *cannot, *(word for fault in faults for word in ("--fault", fault)))
    first = rig.run(rig.turn("say: noted\nthe word is heliotrope", command=command))
    second = rig.run(rig.turn("recall", command=command, resume=first.backend_session_id))

    assert "heliotrope" in second.outcome.result_text
    assert len(second.said) == 1
    assert second.backend_session_id == first.backend_session_id


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ((str(FAKE_ACP),), {}),
        ((str(FAKE_ACP), "--without", "resume", "--without", "load"), {}),
        ((str(FAKE_ACP),), {"resume": "never"}),
    ],
)
def test_a_conversation_that_is_not_there_is_never_begun_anew(
    rig: AgentRig, command: tuple[str, ...], options: JsonObject
) -> None:
    outcome = rig.run(rig.turn("say: never", command=command, options=options, resume="fake-gone")).outcome

    assert (outcome.ending, outcome.reason, outcome.result_text) == (Ending.FAILED, Reason.SESSION_NOT_FOUND, "")
    assert "'fake-gone'" in str(outcome.error)


def test_an_id_is_told_only_once_the_agent_works_on_the_prompt(rig: AgentRig) -> None:
    refused = rig.run(rig.turn("error: -32603"))
    ghost = rig.run(rig.turn("say: hello", "ghost-session"))
    lost = rig.run(rig.turn("say: never", resume=ghost.backend_session_id))

    assert refused.backend_session_id is None
    assert lost.outcome.reason is Reason.SESSION_NOT_FOUND


def test_mode_and_model_are_set_as_the_blueprint_says(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("mode", model="large", options={"config": {"mode": "build"}})).outcome

    assert json.loads(outcome.result_text) == {"mode": "build", "model": "large"}


@pytest.mark.parametrize(
    ("model", "config", "faults", "words"),
    [
        ("huge", {}, (), "'model' cannot be 'huge' (it offers: 'small', 'large')"),
        (None, {"speed": "fast"}, (), "no configuration option 'speed' (it has: 'mode', 'model')"),
        ("large", {}, ("deaf-config",), "'model' was to be 'large' and is 'small'"),
    ],
)
def test_a_choice_that_does_not_hold_keeps_the_agent_from_its_prompt(
    rig: AgentRig, model: str | None, config: JsonObject, faults: tuple[str, ...], words: str
) -> None:
    ran = rig.run(rig.turn("say: never", *faults, model=model, options={"config": config}))

    assert (ran.outcome.reason, ran.said) == (Reason.INVALID_PARAMETERS, [])
    assert words in str(ran.outcome.error)


def test_a_tool_is_allowed_once_or_rejected_as_the_blueprint_says(rig: AgentRig) -> None:
    allowed = rig.run(rig.turn("ask: tee file < /etc/hostname\nsay: went on"))
    rejected = rig.run(rig.turn("ask: echo made > other\nsay: {{last}}", options=REJECT))
    silent = rig.run(rig.turn("ask: echo made > other", options=REJECT))

    assert allowed.outcome.ending is Ending.COMPLETED
    assert (rig.project_dir / "file").exists()
    assert rejected.outcome.result_text == "reject-once"
    assert not (rig.project_dir / "other").exists()
    assert [event.is_error for event in rejected.events if isinstance(event, ToolAnswered)] == [True]
    assert silent.outcome.reason is Reason.EMPTY_RESULT
    assert "what it wanted to do was rejected" in str(silent.outcome.error)


def test_an_agent_that_does_not_ask_cannot_pass_for_one_that_is_rejected(rig: AgentRig) -> None:
    unasked = rig.run(rig.turn("say: I go\nrun: echo made > file\nwait: 300\nsay: never", options=REJECT))
    at_its_end = rig.run(rig.turn("run: echo made > file\nsay: done", options=REJECT))
    failed = rig.run(rig.turn("run: exit 3\nsay: it failed", options=REJECT))
    no_mode = rig.run(rig.turn("say: never", options={"permission": "reject"}))

    for ran in (unasked, at_its_end):
        assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.INVALID_PARAMETERS)
        assert "used 'shell' and did not ask" in str(ran.outcome.error)
    assert failed.outcome.result_text == "it failed"
    assert (no_mode.outcome.reason, no_mode.said) == (Reason.INVALID_PARAMETERS, [])
    assert "'config' names no 'mode' to ask in ('auto', 'build', 'plan')" in str(no_mode.outcome.error)
    assert rig.processes() == []


def test_nothing_is_ever_allowed_for_always(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("run: echo made > file\nsay: {{last}}", "only-always")).outcome

    assert "nothing that is offered means allow_once" in outcome.result_text
    assert not (rig.project_dir / "file").exists()


def test_what_we_do_not_have_is_refused_and_the_turn_goes_on(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("request: fs/read_text_file")).outcome

    assert json.loads(outcome.result_text)["error"]["code"] == -32601


class ScriptedPerson:
    """Somebody who fills in every form in the same way, or nobody."""

    has_rules = False

    def __init__(self, answer: Json) -> None:
        self.asked: list[JsonObject] = []
        self.gave_way = asyncio.Event()
        self._answer = answer

    async def ask(self, asked: JsonObject) -> Said:
        """Answer at once."""
        self.asked.append(asked)
        return Said(None, None, self._answer)


def test_what_it_wants_to_know_is_a_form_for_people_and_what_they_fill_in_is_its_answer(rig: AgentRig) -> None:
    form: JsonObject = {"properties": {"port": {"type": "integer"}}, "required": ["port"]}
    asks = rig.turn(f"elicit: {json.dumps(form)}\nsay: {{{{last}}}}", options={"permission": "ask", **IN_BUILD})
    person, nobody = ScriptedPerson({"port": 80}), ScriptedPerson(None)

    heard = rig.run(replace(asks, people=person)).outcome.result_text
    unheard = rig.run(replace(asks, people=nobody)).outcome.result_text
    not_offered = rig.run(rig.turn(asks.prompt)).outcome.result_text

    assert json.loads(heard) == {"action": "accept", "content": {"port": 80}}
    assert json.loads(unheard) == {"action": "cancel"}
    assert json.loads(not_offered)["code"] == -32601
    (asked,) = person.asked
    assert (asked["kind"], asked["text"], asked["form"]) == ("form", "Tell me", {"type": "object", **form})


def test_what_it_told_of_a_call_before_it_asked_for_it_is_part_of_the_question(rig: AgentRig) -> None:
    asks = rig.turn("ask: rm -r x\nsay: {{last}}", options={"permission": "ask", **IN_BUILD})
    nobody = ScriptedPerson(None)

    said = rig.run(replace(asks, people=nobody)).outcome.result_text

    (asked,) = nobody.asked
    assert (asked["tool"], asked["input"]) == ("Bash", {"command": "rm -r x"}), "its rules are about the kind of it"
    assert said == "reject-once"


def test_the_blueprints_servers_are_told_with_their_variables_and_headers(rig: AgentRig) -> None:
    servers: JsonObject = {
        "lab": {"command": "lab-server", "args": ["-x"], "env": {"TOKEN": "t"}},
        "web": {"type": "http", "url": "http://127.0.0.1:1/mcp", "headers": {"Authorization": "Bearer b"}},
    }

    told = json.loads(rig.run(rig.turn("mcp", mcp_servers=servers)).outcome.result_text)

    assert told == [
        {"name": "lab", "command": "lab-server", "args": ["-x"], "env": [{"name": "TOKEN", "value": "t"}]},
        {
            "type": "http",
            "name": "web",
            "url": "http://127.0.0.1:1/mcp",
            "headers": [{"name": "Authorization", "value": "Bearer b"}],
        },
    ]


def test_a_server_that_the_agent_cannot_reach_is_refused_by_its_name(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("mcp", mcp_servers={"web": {"type": "sse", "url": "http://127.0.0.1:1"}})).outcome

    assert outcome.reason is Reason.INVALID_PARAMETERS
    assert "MCP server 'web' is reached by sse, which this agent does not speak" in str(outcome.error)


def test_the_system_prompt_opens_the_conversation_and_no_later_turn(rig: AgentRig) -> None:
    first = rig.run(rig.turn("say: ok", system_prompt="Be a lighthouse."))
    second = rig.run(rig.turn("recall", system_prompt="Be a lighthouse.", resume=first.backend_session_id))

    assert second.outcome.result_text == "I remember: Be a lighthouse.\nsay: ok"


def test_a_cost_is_the_turns_own_though_the_agent_tells_the_conversations(rig: AgentRig) -> None:
    first = rig.run(rig.turn("cost: 0.5\nsay: one"))
    second = rig.run(rig.turn("cost: 0.25\nsay: two", resume=first.backend_session_id))

    assert (first.outcome.cost_usd, second.outcome.cost_usd) == (0.5, 0.25)


def test_a_prompt_that_costs_more_than_it_may_is_ended_while_it_runs(rig: AgentRig) -> None:
    ran = rig.run(rig.turn("say: going\ncost: 2\nwait: 300\nsay: never", limits={"max_cost_usd": 1}))

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.BUDGET_EXCEEDED)
    assert (ran.outcome.cost_usd, ran.outcome.result_text) == (2, "going")
    assert rig.processes() == []


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [
        ("max_tokens", Reason.CONTEXT_OVERFLOW),
        ("max_turn_requests", Reason.BUDGET_EXCEEDED),
        ("refusal", Reason.NONZERO_EXIT),
        ("tired", Reason.NONZERO_EXIT),
    ],
)
def test_a_turn_that_did_not_end_by_itself_is_a_failure(rig: AgentRig, stop_reason: str, reason: Reason) -> None:
    outcome = rig.run(rig.turn(f"say: half\nstop: {stop_reason}")).outcome

    assert (outcome.ending, outcome.reason, outcome.result_text) == (Ending.FAILED, reason, "half")
    assert f"'{stop_reason}'" in str(outcome.error)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("error: -32000", Reason.BACKEND_AUTH),
        ('error: -32603 {"errorKind": "rate_limit"}', Reason.RATE_LIMITED),
        ('error: -32603 {"error": {"data": {"statusCode": 401}}}', Reason.BACKEND_AUTH),
        ('error: -32603 {"codexErrorInfo": "usageLimitExceeded"}', Reason.QUOTA_EXHAUSTED),
        ('error: -32603 "429 Too Many Requests"', Reason.NONZERO_EXIT),
    ],
)
def test_an_error_is_understood_by_what_it_carries_and_not_by_its_text(
    rig: AgentRig, script: str, reason: Reason
) -> None:
    outcome = rig.run(rig.turn(script)).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, reason)
    assert "the script asked for it" in str(outcome.error)


def test_an_unknown_update_is_kept_in_the_log_without_its_secrets(
    rig: AgentRig, caplog: pytest.LogCaptureFixture
) -> None:
    update = '{"sessionUpdate": "sunrise", "at": "secret-of-the-lab"}'
    with caplog.at_level(logging.WARNING):
        ran = rig.run(rig.turn(f"update: {update}\nsay: ok", secrets=Secrets.of(["secret-of-the-lab"])))

    assert ran.outcome.result_text == "ok"
    assert '"sessionUpdate": "sunrise"' in caplog.text
    assert "secret-of-the-lab" not in caplog.text


@pytest.mark.parametrize(
    ("options", "limits", "words"),
    [
        ({"permision": "reject"}, {}, "did you mean 'permission'?"),
        ({"permission": "allow_always"}, {}, "expected 'permission' to be one of 'allow_once', 'reject'"),
        ({"config": {"mode": 3}}, {}, "expected 'mode' in 'config'"),
        ({"own_folders": [".config"]}, {}, "expected paths from '/' or '~/' in 'own_folders'"),
        ({}, {"max_turns": 3}, "'max_turns' of its limits cannot be held"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(
    rig: AgentRig, options: JsonObject, limits: JsonObject, words: str
) -> None:
    outcome = rig.run(rig.turn("say: never", options=options, limits=limits)).outcome

    assert outcome.reason is Reason.INVALID_PARAMETERS
    assert words in str(outcome.error)


def test_what_a_blueprint_leaves_out_is_safe_where_nobody_watches() -> None:
    assert AcpOptions.read({}, {}, None) == AcpOptions(config={})


@pytest.mark.usefixtures("bubblewrap")
def test_in_a_sandbox_it_works_is_resumed_and_sees_nothing_of_the_home(rig: AgentRig) -> None:
    (rig.home / "secret").write_text("hidden-from-it")
    state = rig.home / "state/of-its-own"
    fake = rig.home / "tools"
    shutil.copytree(FAKE_ACP.parent, fake)
    rig.variables = {"PATH": SYSTEM_PATH, "FAKE_ACP_STATE": str(state)}
    rig.options = {"own_folders": ["~/state/of-its-own"]}
    box = Bubblewrap(rig.home, readable=(fake,))
    command = (str(fake / "fake-acp"),)
    look = f"run: echo made > made; cat {rig.home}/secret || echo nothing there"

    first = rig.run(rig.turn(f"{look}\nsay: it says {{{{last}}}}", command=command, sandbox=box))
    again = rig.run(rig.turn("recall", command=command, sandbox=box, resume=first.backend_session_id))

    assert (first.outcome.ending, first.outcome.error) == (Ending.COMPLETED, None)
    assert "nothing there" in first.outcome.result_text
    assert "hidden-from-it" not in str(first.events)
    assert (rig.project_dir / "made").read_text() == "made\n"
    assert (again.outcome.ending, again.outcome.error) == (Ending.COMPLETED, None)
    assert rig.processes() == []
