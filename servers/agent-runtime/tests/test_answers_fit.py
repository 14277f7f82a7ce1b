"""What is said to a question has to fit what it asks."""

import pytest
from inquiry import ALLOW, Inquiry

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.question import QuestionKind

FORM: JsonObject = {
    "properties": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "mode": {"enum": ["fast", "safe"]},
        "tone": {"type": "string", "oneOf": [{"const": "hi", "title": "Friendly"}, {"const": "no", "title": "Curt"}]},
        "tags": {"type": "array", "items": {"anyOf": [{"const": "x"}, {"const": "y"}]}, "maxItems": 1},
        "name": {"type": "string", "minLength": 2},
    },
    "required": ["port"],
}
TONED: JsonObject = {"answer": {"port": 1, "tone": "hi", "tags": ["x"], "name": "ab"}}
OPTIONAL: JsonObject = {
    "properties": {
        "age": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
        "nick": {"type": ["string", "null"]},
    },
    "required": None,
}
CHOICES = [{"label": "red"}, {"label": "blue"}]


@pytest.mark.parametrize(
    ("kind", "asks", "good", "bad", "why"),
    [
        ("choice", {"choices": CHOICES}, {"answer": "red"}, {"answer": "green"}, "one of 'red', 'blue' is expected"),
        ("choice", {"choices": CHOICES, "other_words": True}, {"answer": "green"}, {"answer": " "}, "is expected"),
        ("text", {"text": "Which?"}, {"answer": "that"}, {"answer": " "}, "some words are expected"),
        ("form", {"form": FORM}, {"answer": {"port": 1}}, {"answer": {"mode": "safe"}}, "field 'port'"),
        ("form", {"form": FORM}, {"answer": {"port": 1}}, {"answer": {"port": 1, "mode": "x"}}, "one of fast, safe"),
        ("form", {"form": FORM}, {"answer": {"port": 1}}, {"answer": {"port": True}}, "of the type 'integer'"),
        ("form", {"form": FORM}, {"answer": {"port": 1}}, {"answer": {"port": 70000}}, "at most 65535, found 70000"),
        ("form", {"form": FORM}, {"answer": {"port": 1}}, {"answer": {"port": 0}}, "at least 1, found 0"),
        (
            "form",
            {"form": FORM},
            TONED,
            {"answer": {"port": 1, "tone": "Friendly"}},
            "'tone' of the form is one of hi, no",
        ),
        ("form", {"form": FORM}, TONED, {"answer": {"port": 1, "tags": ["z"]}}, "'tags' of the form is one of x, y"),
        ("form", {"form": FORM}, TONED, {"answer": {"port": 1, "tags": ["x", "y"]}}, "at most 1 choices, found 2"),
        ("form", {"form": FORM}, TONED, {"answer": {"port": 1, "name": "x"}}, "at least 2 characters, found 1"),
        (
            "form",
            {"form": OPTIONAL},
            {"answer": {"age": 5}},
            {"answer": {"age": "5"}},
            "'age' of the form is of the type",
        ),
        (
            "form",
            {"form": OPTIONAL},
            {"answer": {"nick": "x"}},
            {"answer": {"nick": 5}},
            "'nick' of the form is of the",
        ),
        ("form", {"form": OPTIONAL}, {"answer": {"age": 5}}, {"answer": {"age": 0}}, "at least 1, found 0"),
        ("text", {"text": "Which?"}, {"answer": "that"}, {"answer": "x", "message": "y"}, "takes an 'answer' alone"),
        ("text", {"text": "Which?"}, {"answer": "that"}, {"decision": "allow"}, "takes an 'answer'"),
        ("permission", {"tool": "Bash"}, ALLOW, {"answer": "yes"}, "'allow' or 'deny' is expected"),
    ],
)
def test_an_answer_that_does_not_fit_its_question_is_refused_with_a_sentence(
    inquiry: Inquiry, kind: str, asks: dict[str, object], good: JsonObject, bad: JsonObject, why: str
) -> None:
    job = inquiry.house.run("asker")
    fields = {"tool": None, "input": None, **asks}
    question = inquiry.asked(job, "c1", kind=QuestionKind(kind), **fields)

    with pytest.raises(Invalid, match=why):
        inquiry.answer(question, bad)

    assert inquiry.answer(question, good).answer == good
