"""What an agent of the protocol asks leave for, in the words of all kinds: tools as Claude Code names them."""

from collections.abc import Mapping

from agent_backends.client.changes import unified
from agent_backends.client.loose import part, parts, word
from runtime_client.wire import Json, JsonObject

RULED_TOOLS = ("Bash", "Delete", "Edit", "Move", "Write")
"""Tools that no agent can use unasked: a turn in which one did is stopped."""
_TOOL_BY_KIND: Mapping[str, str] = {
    "delete": "Delete",
    "edit": "Edit",
    "execute": "Bash",
    "fetch": "WebFetch",
    "move": "Move",
    "read": "Read",
    "search": "Grep",
}


def asked_about(call: JsonObject) -> JsonObject:
    """Return the question that a request for permission is; `call` is all that was told of the tool call."""
    tool = _TOOL_BY_KIND.get(word(call, "kind")) or word(call, "title") or "tool"
    return {
        "kind": "permission",
        "text": word(call, "title") or None,
        "tool": tool[:200],
        "input": _input(tool, call),
        "diff": _diff(call),
    }


def _input(tool: str, call: JsonObject) -> JsonObject:
    given: dict[str, Json] = {**part(call, "rawInput")}
    if tool == "Bash" and not isinstance(given.get("command"), str):
        words = given.get("command")
        given["command"] = " ".join(map(str, words)) if isinstance(words, list | tuple) else word(call, "title")
    paths: list[Json] = [path for one in parts(call, "locations") if (path := word(one, "path"))]
    if paths and not any(isinstance(given.get(name), str) for name in ("file_path", "path")):
        given["paths"] = paths
    return given


def _diff(call: JsonObject) -> str | None:
    changes = [one for one in parts(call, "content") if word(one, "type") == "diff"]
    shown = [unified(word(one, "path"), word(one, "oldText"), word(one, "newText")) for one in changes]
    return "\n".join(shown) or None
