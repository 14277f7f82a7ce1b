"""What is said about questions: as they are asked, shown and answered."""

from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.question import AtExpiry, Decision, ParentsPart, Question, QuestionKind, QuestionStatus
from agent_runtime.http.wire.fields import GivenName, WireTime
from agent_runtime.services.questions.asking import Asked, Asking

TEXT_CHARACTERS_MAX = 65_536
DIFF_CHARACTERS_MAX = 262_144
CHOICES_MAX = 50


class ChoiceBody(BaseModel):
    """One of the things that can be answered."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(min_length=1, max_length=500)]
    description: Annotated[str, Field(max_length=4096)] | None = None


class AskBody(BaseModel):
    """What a turn asks: leave for a tool call, one of some choices, some words, or the fields of a form.

    The same `call_id` again in the same turn is the same question.
    """

    model_config = ConfigDict(extra="forbid")

    kind: QuestionKind
    call_id: Annotated[str, Field(pattern=r"^[!-~]{1,160}$")]
    session_name: Annotated[GivenName, Field(max_length=80)] | None = None
    text: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] | None = None
    tool: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    input: JsonValue = None
    diff: Annotated[str, Field(max_length=DIFF_CHARACTERS_MAX)] | None = None
    choices: Annotated[list[ChoiceBody], Field(max_length=CHOICES_MAX)] = []
    other_words: Annotated[bool, Field(description="Whether an answer may be none of the choices.")] = False
    form: dict[str, JsonValue] | None = None

    def asking(self) -> Asking:
        """Translate it for the verbs."""
        return Asking(
            kind=self.kind,
            call_id=self.call_id,
            text=self.text,
            tool=self.tool,
            input=self.input,
            diff=self.diff,
            choices=cast("Json", [one.model_dump() for one in self.choices]) if self.choices else None,
            other_words=self.other_words,
            form=cast("Json", self.form),
        )


class AnswerBody(BaseModel):
    """What is said to a question: a decision to a permission, an answer to any other kind."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision | None = None
    message: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] | None = None
    answer: JsonValue = None

    def given(self) -> JsonObject:
        """Translate it for the verbs."""
        return cast("JsonObject", self.model_dump(mode="json", exclude_none=True))


class QuestionWire(BaseModel):
    """A question, and what was said to it.

    `decision` and `message`, or `answer`, are there once it is answered or has expired; `answered_by` is null where
    time alone decided. `taken_at` is when its turn took the answer.
    """

    question_id: str
    session_id: str
    session_name: str
    job_id: str
    kind: QuestionKind
    status: QuestionStatus
    text: str | None
    tool: str | None
    input: JsonValue
    diff: str | None
    choices: JsonValue
    other_words: bool
    form: JsonValue
    parent: ParentsPart
    at_expiry: AtExpiry
    asked_at: WireTime
    expires_at: WireTime
    settled_at: WireTime | None
    decision: Decision | None
    message: str | None
    answer: JsonValue
    answered_by: str | None
    taken_at: WireTime | None

    @classmethod
    def of(cls, question: Question) -> "QuestionWire":
        """Show a question."""
        said = question.answer if isinstance(question.answer, dict) else {}
        return cls(
            question_id=question.id,
            session_id=question.session_id,
            session_name=question.session_name,
            job_id=question.job_id,
            kind=question.kind,
            status=question.status,
            text=question.text,
            tool=question.tool,
            input=question.input,
            diff=question.diff,
            choices=question.choices,
            other_words=question.other_words,
            form=question.form,
            parent=question.parents_part,
            at_expiry=question.at_expiry,
            asked_at=question.asked_at,
            expires_at=question.expires_at,
            settled_at=question.settled_at,
            decision=Decision(str(said["decision"])) if "decision" in said else None,
            message=cast("str | None", said.get("message")),
            answer=said.get("answer"),
            answered_by=question.answered_by,
            taken_at=question.taken_at,
        )


class QuestionList(BaseModel):
    """One page of questions, newest first; `next_cursor` is null on the last one.

    `open` says how many wait for an answer in all, of those that the caller is shown, whatever the list is about.
    """

    questions: list[QuestionWire]
    open: int
    next_cursor: str | None = None


class AskAnswer(BaseModel):
    """What became of what was asked: a question, or the `decision` that blueprints have made already.

    After `give_way_seconds` without an answer the turn should end, and let others have its place; null for never.
    """

    question: QuestionWire | None
    decision: Decision | None
    give_way_seconds: float | None

    @classmethod
    def of(cls, asked: Asked) -> "AskAnswer":
        """Show what became of it."""
        return cls(
            question=QuestionWire.of(asked.question) if asked.question is not None else None,
            decision=Decision(asked.verdict.value) if asked.verdict is not None else None,
            give_way_seconds=asked.terms.give_way_seconds,
        )
