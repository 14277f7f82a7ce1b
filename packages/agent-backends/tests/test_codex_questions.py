"""What Codex wants approved is shown and judged as the command that would run, not as what it says of it."""

import pytest

from agent_backends.client.loose import part
from agent_backends.codex.questions import COMMAND, asked_about
from runtime_client.wire import Json, JsonObject


def command_asked(params: JsonObject, item: JsonObject | None = None) -> Json:
    """The command of the question that a request for approval is."""
    question = asked_about(COMMAND, params, item or {})
    assert question is not None
    return part(question, "input")["command"]


def test_a_list_of_actions_that_leaves_something_out_never_stands_for_the_command() -> None:
    told: JsonObject = {
        "command": "/bin/bash -lc 'cat list | xargs rm -rf && cd / && cat x | tee y'",
        "commandActions": [{"type": "read", "command": "cat list"}, {"type": "read", "command": "cat x"}],
    }
    expected = "cat list | xargs rm -rf && cd / && cat x | tee y"

    assert command_asked(told) == expected
    assert command_asked({"reason": "why"}, told) == expected
    assert command_asked({"commandActions": told["commandActions"]}) == ""


@pytest.mark.parametrize("shell", ["bash", "sh", "zsh", "/bin/bash", "/opt/homebrew/bin/zsh"])
@pytest.mark.parametrize("flag", ["-c", "-lc"])
def test_of_a_shell_that_is_called_with_a_script_only_the_script_is_asked(shell: str, flag: str) -> None:
    assert command_asked({"command": f"{shell} {flag} \"echo 'a' && ls\""}) == "echo 'a' && ls"
    assert command_asked({"command": [shell, flag, "echo 'a'\nls"]}) == "echo 'a'\nls"


@pytest.mark.parametrize(
    ("command", "whole"),
    [
        *((one, one) for one in ("git status", "bash -lc ls more", "bash -x ls", "bash -lc", "bash -lc ''")),
        *(
            (one, one)
            for one in ("bash -lc 'open", "fish -c ls", "sudo bash -lc ls", "A=b bash -lc ls", "/tmp/bash -lc ls")
        ),
        (["rm", "-rf", "a b"], "rm -rf 'a b'"),
        (["bash", "-lc", "ls", "more"], "bash -lc ls more"),
        *((one, "") for one in (None, 5, [], ["bash", "-lc", 5], {"bash": "-lc"})),
    ],
)
def test_whatever_else_is_called_is_asked_as_a_whole(command: Json, whole: str) -> None:
    assert command_asked({"command": command}) == whole
