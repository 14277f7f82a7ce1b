"""The tools about what other agents ask."""

from typing import Annotated, Literal, cast

from pydantic import Field, JsonValue

from orchestrator_mcp.answers import AnsweredQuestion, QuestionLine, Questions
from orchestrator_mcp.caller import Caller
from orchestrator_mcp.desk import Desk
from runtime_client.client import RuntimeClient
from runtime_client.errors import UsageError
from runtime_client.question_calls import OPEN, Question
from runtime_client.terminal.questions import asked_in_short
from runtime_client.wire import Json, JsonObject, text


class QuestionTools:
    """See what the agents below ask, and answer where that is allowed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list_questions(
        self,
        caller: Caller,
        open_only: Annotated[bool, Field(description="Only those that nobody has answered yet.")] = True,
        limit: Annotated[int, Field(ge=1, le=200, description="How many at most.")] = 50,
    ) -> Questions:
        """List what agents ask, newest first; inside a session you see your own questions and those below you."""
        return self._desk.ask(caller, lambda client, _: _list(client, open_only, limit))

    def answer_question(
        self,
        caller: Caller,
        question_id: Annotated[str, Field(description="The id of an open question.")],
        decision: Annotated[
            Literal["allow", "deny"] | None, Field(description="For a permission: whether the tool may be used.")
        ] = None,
        message: Annotated[str | None, Field(description="What to say to the agent beside the decision.")] = None,
        answer: Annotated[
            JsonValue, Field(description="For any other kind: a choice, some words, or an object with a form's fields.")
        ] = None,
    ) -> AnsweredQuestion:
        """Answer a question of an agent below you. The first answer holds, and cannot be taken back.

        You can allow only what you may do yourself, and answer only where 'parent' is 'may_answer'.
        """
        if (decision is None) == (answer is None):
            raise UsageError("a question takes either a 'decision' or an 'answer' (its kind says which)")
        said: JsonObject = {"decision": decision} if decision else {"answer": cast("Json", answer)}
        given: JsonObject = {**said, "message": message} if message is not None else said
        return self._desk.ask(caller, lambda client, _: _answer(client, question_id, given))


def _list(client: RuntimeClient, open_only: bool, limit: int) -> Questions:
    found = client.questions.list(status=OPEN if open_only else None, limit=limit)
    return Questions(
        questions=[_line(Question.read(one)) for one in found],
        next="Call answer_question for those whose 'parent' is 'may_answer'; the others are for people."
        if found
        else "Nothing is asked: go on, or end your turn.",
    )


def _answer(client: RuntimeClient, question_id: str, given: JsonObject) -> AnsweredQuestion:
    answered = client.questions.answer(question_id, given)
    return AnsweredQuestion(question=_line(answered), next="Its agent goes on with that; end your turn, or go on.")


def _line(question: Question) -> QuestionLine:
    return QuestionLine(
        question_id=question.question_id,
        session_name=question.session_name,
        kind=question.kind,
        status=question.status,
        asks=asked_in_short(question),
        asked_at=text(question.raw, "asked_at"),
        expires_at=text(question.raw, "expires_at"),
        parent=text(question.raw, "parent"),
        decision=question.decision,
        answer=cast("JsonValue", question.answer),
        answered_by=question.answered_by,
    )
