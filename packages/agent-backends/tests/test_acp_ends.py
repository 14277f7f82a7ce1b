"""The backend `acp` when its agent goes wrong or is stopped: what is said, and that nothing stays alive."""

import pytest

from agent_backends.protocol import AgentEvent, Ending, Message
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject
from support.agent_rig import AgentRig

SOON: JsonObject = {"start_seconds": 1}


def is_told(events: list[AgentEvent], text: str) -> bool:
    return any(isinstance(event, Message) and event.text == text for event in events)


@pytest.mark.parametrize("fault", ["bad-json", "stray-answers", "orphan-child", "permission-asked", "late-answer"])
def test_a_fault_that_can_be_lived_with_does_not_spoil_the_turn(rig: AgentRig, fault: str) -> None:
    ran = rig.run(rig.turn("run: echo done\nsay: {{last}}", fault))

    assert (ran.outcome.ending, ran.outcome.error, ran.outcome.result_text) == (Ending.COMPLETED, None, "done")
    assert rig.processes() == []


def test_a_line_of_a_megabyte_is_one_message(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("say: long", "long-line")).outcome

    assert len(outcome.result_text) == len("long ") + 1_000_000


@pytest.mark.parametrize(
    ("fault", "options", "reason", "words"),
    [
        ("silent", SOON, Reason.STALLED, "did not answer within 1 seconds"),
        ("other-version", {}, Reason.BACKEND_MISSING, "speaks version 2 of the Agent Client Protocol, expected 1"),
        ("half-line", {}, Reason.NONZERO_EXIT, "ended without a result (exit code 0)"),
        ("dies", {}, Reason.NONZERO_EXIT, "ended without a result (exit code 3): out of luck"),
        ("limit-reached", {}, Reason.RATE_LIMITED, "You have hit your usage limit"),
        ("hidden-failure", {}, Reason.BACKEND_AUTH, "HTTP 401"),
    ],
)
def test_a_fault_that_spoils_the_turn_is_a_failure_that_says_why(
    rig: AgentRig, fault: str, options: JsonObject, reason: Reason, words: str
) -> None:
    ran = rig.run(rig.turn("say: hello", fault, options=options))

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, reason)
    assert words in str(ran.outcome.error)
    assert rig.processes() == []


def test_an_agent_that_dies_is_seen_though_its_child_holds_its_output_open(rig: AgentRig) -> None:
    ran = rig.run(rig.turn("say: hello", "dies", "orphan-child"))

    assert "exit code 3" in str(ran.outcome.error)
    assert rig.processes() == []


@pytest.mark.parametrize("fault", [(), ("silent-prompt",), ("late-answer",), ("deaf",), ("orphan-child",)])
def test_a_stopped_turn_leaves_nothing_alive(rig: AgentRig, fault: tuple[str, ...]) -> None:
    prompt = "say: here\nthink: then\nrun: sleep 300" if not fault else "say: here\nthink: then\nwait: 300"

    ran = rig.run(rig.turn(prompt, *fault), when=lambda events: is_told(events, "here"))

    assert (ran.outcome.ending, ran.outcome.result_text) == (Ending.STOPPED, "here")
    assert rig.processes() == []


def test_a_stop_before_the_agent_has_said_anything_leaves_nothing_alive(rig: AgentRig) -> None:
    ran = rig.run(rig.turn("say: never", "silent"), when=lambda _: rig.processes())

    assert (ran.outcome.ending, ran.events) == (Ending.STOPPED, [])
    assert rig.processes() == []


def test_a_stopped_conversation_can_be_gone_on_with(rig: AgentRig) -> None:
    first = rig.run(rig.turn("wait: 300\nthe word is bergamot"), when=lambda events: events)
    second = rig.run(rig.turn("recall", resume=first.backend_session_id))

    assert first.outcome.ending is Ending.STOPPED
    assert "bergamot" in second.outcome.result_text


def test_an_agent_that_prints_too_much_is_ended(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("say: long", "long-line", output_limit_bytes=100_000)).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.OUTPUT_LIMIT)
    assert rig.processes() == []


def test_a_missing_program_is_backend_missing(rig: AgentRig) -> None:
    outcome = rig.run(rig.turn("say: never", command=("no-such-agent", "acp"))).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.BACKEND_MISSING)
    assert "'no-such-agent'" in str(outcome.error)
