"""The client's messages, read for what a turn needs of them; what is not there, or not as expected, is nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from runtime_client.wire import Json, JsonObject


@dataclass(frozen=True)
class Said:
    """Some words of the agent."""

    text: str


@dataclass(frozen=True)
class Asked:
    """A tool that the agent asks for."""

    tool_call_id: str
    tool: str
    input: Json


@dataclass(frozen=True)
class Answered:
    """What a tool answered, as the agent sees it."""

    tool_call_id: str
    output: Json
    is_error: bool


def blocks_of(message: JsonObject) -> Iterator[Said | Asked | Answered]:
    """The parts of what the agent or its client says that a session tells."""
    for block in _blocks(member(message, "message").get("content")):
        match block.get("type"):
            case "text":
                yield Said(word(block, "text") or "")
            case "tool_use":
                yield Asked(word(block, "id") or "", word(block, "name") or "unknown", block.get("input"))
            case "tool_result":
                answer, is_error = block.get("content"), block.get("is_error") is True
                yield Answered(word(block, "tool_use_id") or "", answer, is_error)


def member(message: JsonObject, field: str) -> JsonObject:
    """The object in a field."""
    value = message.get(field)
    return value if isinstance(value, dict) else {}


def word(message: JsonObject, field: str) -> str | None:
    """The text in a field."""
    value = message.get(field)
    return value if isinstance(value, str) else None


def number(message: JsonObject, field: str) -> int | None:
    """The whole number in a field."""
    value = message.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def words(message: JsonObject, field: str) -> tuple[str, ...]:
    """The texts in a field, which may also hold one alone; empty ones tell nothing."""
    value = message.get(field)
    found = value if isinstance(value, list) else [value]
    return tuple(item for item in found if isinstance(item, str) and item.strip())


def _blocks(content: Json) -> list[JsonObject]:
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
