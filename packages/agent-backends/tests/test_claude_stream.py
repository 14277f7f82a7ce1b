"""A client that says nothing, refuses or asks: what that makes of a turn."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_backends.protocol import Ending
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject
from support.claude_rig import ClaudeRig
from support.model_stand_in import ModelStandIn


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ClaudeRig]:
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    with ModelStandIn() as model:
        yield ClaudeRig(model, home, project_dir)


def fake_client(rig: ClaudeRig, script: str) -> JsonObject:
    """The options that take a shell script for the client."""
    client = rig.home / "fake-claude"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o700)
    return {"client_path": str(client)}


def test_a_client_that_says_no_word_has_stalled(rig: ClaudeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_backends.claude.conversation.FIRST_WORD_SECONDS", 0.2)

    outcome = rig.run(rig.turn("say: never", options=fake_client(rig, "exec cat >/dev/null"))).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.STALLED)
    assert outcome.error == "Claude Code runs but did not say a word within 0.2 seconds"
    assert rig.processes() == []


def test_a_client_that_refuses_its_first_request_is_told_in_its_own_words(rig: ClaudeRig) -> None:
    refusal = {"subtype": "error", "request_id": "hello", "error": "no hooks here"}
    said = json.dumps({"type": "control_response", "response": refusal})

    outcome = rig.run(rig.turn("say: never", options=fake_client(rig, f"echo '{said}'; exec cat >/dev/null"))).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.BACKEND_MISSING)
    assert outcome.error == "Claude Code does not take its first request: no hooks here"


def test_what_the_client_asks_and_nobody_answers_is_refused_and_the_turn_goes_on(rig: ClaudeRig) -> None:
    asked = json.dumps({"type": "control_request", "request_id": "r1", "request": {"subtype": "can_use_tool"}})
    result = json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "went on"})
    reading = f"read -r hello; read -r prompt; echo '{asked}'; read -r answer"
    script = f"{reading}; case $answer in *error\\\",*can_use_tool*) echo '{result}';; esac; exec cat >/dev/null"

    outcome = rig.run(rig.turn("say: never", options=fake_client(rig, script))).outcome

    assert (outcome.ending, outcome.result_text) == (Ending.COMPLETED, "went on")
