"""What is recorded fits the wire, however long it was; and what is shown shorter says so."""

import json

import pytest

from runtime_client.question_calls import Question
from runtime_client.sending.shortening import cut_to_bytes
from runtime_client.terminal.questions import asked_in_short

LIMIT = 10_000


@pytest.mark.parametrize("text", ["x" * 50_000, "語" * 50_000, "\u0000" * 50_000, "x" * 30_000 + "語" * 30_000])
def test_a_long_text_is_cut_to_what_it_may_take_on_the_wire(text: str) -> None:
    cut = cut_to_bytes(text, LIMIT)

    assert len(json.dumps(cut, ensure_ascii=False).encode()) <= LIMIT
    assert cut[0] == text[0]
    assert cut[-1] == text[-1]
    assert "characters left out" in cut


def test_a_text_that_fits_is_left_alone() -> None:
    assert cut_to_bytes("short", LIMIT) == "short"


def test_a_question_that_is_shown_shorter_says_how_much_there_is_more() -> None:
    known = {"question_id": "qst_1", "session_name": "s", "status": "open", "tool": "Bash", "text": None}
    command = "ls" + " " * 5000 + "; rm -rf ~"
    question = Question.read({**known, "kind": "permission", "input": {"command": command}})

    assert asked_in_short(question).endswith("more characters)")
