"""What Claude Code asks, as a question for people, and their answer as it wants to hear it."""

from collections.abc import Mapping

from agent_backends.claude.messages import member, word
from agent_backends.client.changes import change_shown
from agent_backends.protocol import People, Said
from runtime_client.wire import Json, JsonObject

ASKING_TOOL = "AskUserQuestion"
_NOBODY = "nobody answered this question in time"
_ONLY_SHOWN = "PreToolUse"


class Questions:
    """Asks people what one client asks."""

    def __init__(self, people: People) -> None:
        self._people = people

    def about_hook(self, found: JsonObject) -> JsonObject:
        """Say to a hook that a call has to be asked about, where rules may say something about any call."""
        if not self._people.has_rules or found.get("hook_event_name") != _ONLY_SHOWN:
            return {}
        return {"hookSpecificOutput": {"hookEventName": _ONLY_SHOWN, "permissionDecision": "ask"}}

    async def decide(self, request: JsonObject) -> JsonObject:
        """Ask about a call of a tool, or for what an MCP server wants to know, and return what the client is told."""
        if request.get("subtype") == "elicitation":
            # Imported late: few servers ask anything.
            from agent_backends.client.elicitation import filled_in

            return await filled_in(self._people, request)
        tool, given = word(request, "tool_name") or "unknown", member(request, "input")
        if tool == ASKING_TOOL:
            return _filled_in(given, await self._people.ask(_asked_in(given)))
        asked: JsonObject = {
            "kind": "permission",
            "tool": tool,
            "input": given,
            "diff": change_shown(tool, given),
        }
        return _decided(given, await self._people.ask(asked))


def _decided(given: JsonObject, said: Said) -> JsonObject:
    if said.decision == "allow":
        return {"behavior": "allow", "updatedInput": given}
    return {"behavior": "deny", "message": said.message or "this was not allowed"}


def _asked_in(given: JsonObject) -> JsonObject:
    """Make one question of the client's: a choice if it is one, else a form with a field for each."""
    questions = _questions_in(given)
    if len(questions) == 1 and questions[0].get("multiSelect") is not True:
        choices = [
            {name: choice[name] for name in ("label", "description") if isinstance(choice.get(name), str)}
            for choice in _options(questions[0])
        ]
        return {"kind": "choice", "text": word(questions[0], "question"), "choices": [*choices], "other_words": True}
    properties: dict[str, Json] = {str(one.get("question")): _field(one) for one in questions}
    return {"kind": "form", "form": {"type": "object", "properties": properties, "required": [*properties]}}


def _field(question: JsonObject) -> JsonObject:
    labels: list[Json] = [choice.get("label") for choice in _options(question)]
    if question.get("multiSelect") is True:
        return {"type": "array", "items": {"type": "string", "enum": labels}}
    return {"type": "string", "enum": labels}


def _filled_in(given: JsonObject, said: Said) -> JsonObject:
    questions = _questions_in(given)
    if said.answer is None:
        return {"behavior": "deny", "message": said.message or _NOBODY}
    found = said.answer if isinstance(said.answer, Mapping) else {str(questions[0].get("question")): said.answer}
    answers: dict[str, Json] = {name: _as_text(value) for name, value in found.items()}
    return {"behavior": "allow", "updatedInput": {**given, "answers": answers}}


def _as_text(value: Json) -> Json:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else value


def _questions_in(given: JsonObject) -> list[JsonObject]:
    found = given.get("questions")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _options(question: JsonObject) -> list[JsonObject]:
    found = question.get("options")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
