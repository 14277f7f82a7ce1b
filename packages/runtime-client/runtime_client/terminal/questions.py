"""Questions in the words of a terminal: what is asked, in one line, and what is said to it."""

import json

from runtime_client.errors import UsageError
from runtime_client.question_calls import Asked, Question
from runtime_client.wire import Json, JsonObject

SHOWN_CHARACTERS = 2000
PERMISSION, CHOICE, FORM = "permission", "choice", "form"


def asked_in_short(question: Question) -> str:
    """Say what is asked."""
    words = question.text or ""
    if question.kind == PERMISSION:
        shown = json.dumps(question.raw.get("input"), ensure_ascii=False)
        words = f"{question.tool} {shown}" + (f" ({words})" if words else "")
    labels = _labels(question)
    options = f" [{' | '.join(labels)}]" if labels else ""
    more = len(words) - SHOWN_CHARACTERS
    # Whoever answers must know that there is more: what matters may stand there.
    return f"{words[:SHOWN_CHARACTERS]}{f'… ({more:,} more characters)' if more > 0 else ''}{options}"


def said_in_short(question: Question) -> str:
    """Say how it was answered, and by whom."""
    said = question.decision or json.dumps(question.answer, ensure_ascii=False)
    return f"{said} (by {question.answered_by})"


def given_from(question: Question, answer: str, message: str | None) -> JsonObject:
    """Return what is sent for an answer that was typed.

    Errors:  UsageError.
    """
    if question.kind == PERMISSION:
        if answer not in ("allow", "deny"):
            raise UsageError(
                f"cannot answer question {question.question_id!r}: 'allow' or 'deny' is expected, found {answer!r}"
            )
        return {"decision": answer, "message": message}
    if message is not None:
        raise UsageError(f"a message goes with allow or deny, and this question is of the kind {question.kind!r}")
    if question.kind == FORM:
        return {"answer": _object(answer, "ANSWER")}
    return {"answer": answer}


def asking_from(
    words: str | None, choices: list[str], tool: str | None, tool_input: str | None, form: str | None
) -> dict[str, Json]:
    """Return what is asked, from the words of a command line.

    Errors:  UsageError.
    """
    given = [name for name, value in (("--choice", choices), ("--tool", tool), ("--form", form)) if value]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} ask different things (keep one)")
    if tool_input is not None and tool is None:
        raise UsageError("--input is what a tool would be given: it goes with --tool")
    asked: dict[str, Json] = {"text": words} if words is not None else {}
    if tool is not None:
        return {**asked, "kind": PERMISSION, "tool": tool, "input": _object(tool_input or "{}", "--input")}
    if form is not None:
        return {**asked, "kind": FORM, "form": _object(form, "--form")}
    if words is None:
        raise UsageError("nothing is asked: a QUESTION, --tool or --form is expected")
    if choices:
        return {**asked, "kind": CHOICE, "choices": [{"label": choice} for choice in choices]}
    return {**asked, "kind": "text"}


def answer_as_text(said: Asked) -> str:
    """Return what a program prints that waited for an answer."""
    question = said.question
    if question is None or question.decision is not None:
        message = f"\n{question.message}" if question is not None and question.message else ""
        return f"{said.decision or ''}{message}"
    answer = question.answer
    return answer if isinstance(answer, str) else "" if answer is None else json.dumps(answer, ensure_ascii=False)


def _labels(question: Question) -> list[str]:
    choices = question.raw.get("choices")
    found = choices if isinstance(choices, list) else []
    return [str(choice.get("label")) for choice in found if isinstance(choice, dict)]


def _object(words: str, name: str) -> JsonObject:
    try:
        value = json.loads(words)
    except ValueError as error:
        raise UsageError(f"cannot read {name}: a JSON object is expected ({error})") from error
    if not isinstance(value, dict):
        raise UsageError(f"cannot read {name}: a JSON object is expected, found another value")
    return value
