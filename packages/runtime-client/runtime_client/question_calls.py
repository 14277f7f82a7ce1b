"""The calls about questions: to ask, to wait for the answer, to take it, and to answer."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

from runtime_client.errors import NotTheRuntimeError, RuntimeClientError
from runtime_client.retry import Retry
from runtime_client.transport import Call, Transport
from runtime_client.wire import Json, JsonObject, as_object, objects, optional_number, optional_text, text

WAIT_SECONDS = 25.0
LIST_MAX = 500
_MARGIN_SECONDS = 10.0
OPEN = "open"


@dataclass(frozen=True)
class Question:
    """A question as the runtime tells it.

    Shape:   `decision` is set for a permission, `answer` for any other kind, once there is one; `raw` is all of it.
    """

    question_id: str
    session_name: str
    kind: str
    status: str
    tool: str | None
    text: str | None
    decision: str | None
    message: str | None
    answer: Json
    answered_by: str | None
    raw: JsonObject = field(repr=False)

    @classmethod
    def read(cls, source: JsonObject) -> "Question":
        """Read a question.

        Errors:  UnexpectedAnswerError.
        """
        return cls(
            question_id=text(source, "question_id"),
            session_name=text(source, "session_name"),
            kind=text(source, "kind"),
            status=text(source, "status"),
            tool=optional_text(source, "tool"),
            text=optional_text(source, "text"),
            decision=optional_text(source, "decision"),
            message=optional_text(source, "message"),
            answer=source.get("answer"),
            answered_by=optional_text(source, "answered_by"),
            raw=source,
        )


@dataclass(frozen=True)
class Asked:
    """What became of what was asked: a question, or a decision that was made already."""

    question: Question | None
    decision: str | None
    give_way_seconds: float | None


class QuestionCalls:
    """Ask, wait, take, list, answer.

    Errors:  every method may raise RuntimeClientError.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ask(self, asked: JsonObject) -> Asked:
        """Ask; the same `call_id` again is the same question, so a cut connection is no reason not to ask again."""
        call = Call("POST", "/questions", body=asked, read_seconds=30.0)
        answer = self._transport.send_for_json(call)
        try:
            found = answer.get("question")
            return Asked(
                None if found is None else Question.read(as_object(found, "question")),
                optional_text(answer, "decision"),
                optional_number(answer, "give_way_seconds"),
            )
        except ValueError as cause:
            raise _not_ours(call, cause) from cause

    def question(self, question_id: str, wait_seconds: float = 0.0) -> Question:
        """Return one question; with a wait, as soon as it is not open any more."""
        parameters = {"wait": f"{wait_seconds:g}"} if wait_seconds else {}
        return self._one(
            Call("GET", _path(question_id), parameters=parameters, read_seconds=wait_seconds + _MARGIN_SECONDS)
        )

    def take(self, question_id: str) -> Question:
        """Take the answer to one's own question."""
        return self._one(Call("POST", f"{_path(question_id)}/take"))

    def answer(self, question_id: str, given: JsonObject) -> Question:
        """Answer a question."""
        return self._one(Call("POST", f"{_path(question_id)}/answer", body=given))

    def list(self, *, status: str | None = None, session: str | None = None, limit: int = LIST_MAX) -> list[JsonObject]:
        """Return the newest questions, newest first."""
        wanted = {"status": status, "session": session, "limit": str(limit)}
        parameters = {name: value for name, value in wanted.items() if value is not None}
        call = Call("GET", "/questions", parameters=parameters)
        try:
            return objects(self._transport.send_for_json(call), "questions")
        except ValueError as cause:
            raise _not_ours(call, cause) from cause

    def _one(self, call: Call) -> Question:
        answer = self._transport.send_for_json(call)
        try:
            return Question.read(answer)
        except ValueError as cause:
            raise _not_ours(call, cause) from cause


def ask_and_wait(
    calls: QuestionCalls,
    asked: JsonObject,
    *,
    gives_way: bool = False,
    is_over: Callable[[], bool] = lambda: False,
    warn: Callable[[RuntimeClientError, int], None] = lambda _error, _failures: None,
) -> Asked:
    """Ask, wait for the end of the question through any outage, and take the answer.

    Each call of this is a question of its own, whatever the asker's own numbers are: clients use them again.

    Shape:   a question that is still open means that `is_over` said so, or with `gives_way` that it was open for as
             long as the runtime lets a turn wait for it; one that was withdrawn has no answer.
    Errors:  RuntimeClientError, for what no patience helps against.
    """
    patient = Retry(time.sleep, None, most_seconds=5.0)
    body = {"call_id": os.urandom(16).hex(), **asked}
    said = patient.call(lambda: calls.ask(body), warn)
    question = said.question
    if question is None:
        return said
    question_id, began_at = question.question_id, time.monotonic()
    most = said.give_way_seconds if gives_way and said.give_way_seconds is not None else float("inf")
    while question.status == OPEN and not is_over():
        left = most - (time.monotonic() - began_at)
        if left <= 0:
            break
        wait = min(WAIT_SECONDS, left)
        question = patient.call(partial(calls.question, question_id, wait), warn)
    if question.status in (OPEN, "withdrawn"):
        return Asked(question, None, said.give_way_seconds)
    taken = patient.call(lambda: calls.take(question_id), warn)
    return Asked(taken, taken.decision, said.give_way_seconds)


def _path(question_id: str) -> str:
    return f"/questions/{quote(question_id, safe='')}"


def _not_ours(call: Call, cause: ValueError) -> NotTheRuntimeError:
    return NotTheRuntimeError(
        f"cannot understand the answer to {call.method} {call.path!r}: {cause} "
        "(are the runtime and this command of the same version?)"
    )
