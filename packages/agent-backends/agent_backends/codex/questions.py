"""What Codex wants approved, in the words in which all kinds ask: tools as Claude Code names them."""

from collections.abc import Mapping

from agent_backends.client.loose import parts, word
from agent_backends.protocol import Said
from runtime_client.wire import Json, JsonObject

RULED_TOOLS = ("Bash", "Edit", "Write")
COMMAND, CHANGE = "item/commandExecution/requestApproval", "item/fileChange/requestApproval"


def asked_about(method: str, params: JsonObject, item: JsonObject) -> JsonObject | None:
    """Return the question that a request for approval is; None if it is no such request.

    Shape:   `item` is what Codex has told of the act that it wants approved.
    """
    if method not in (COMMAND, CHANGE):
        return None
    common: dict[str, Json] = {
        "kind": "permission",
        "text": word(params, "reason") or None,
    }
    if method == COMMAND:
        given: JsonObject = {"command": _command(params, item)}
        return {**common, "tool": "Bash", "input": given}
    changes = parts(item, "changes")
    paths: list[Json] = [word(one, "path") for one in changes]
    shown = "\n".join(word(one, "diff") for one in changes)
    return {**common, "tool": "Edit", "input": {"paths": paths}, "diff": shown or None}


def answer_to(said: Said) -> JsonObject:
    """Return what Codex is answered: it may this once, or it is to go on without."""
    return {"decision": "accept" if said.decision == "allow" else "decline"}


def _command(params: JsonObject, item: Mapping[str, Json]) -> str:
    command = word(params, "command") or word(item, "command")
    # It says how its shell is called; rules are about what is typed into it.
    actions = parts(params, "commandActions") or parts(item, "commandActions")
    typed = [word(action, "command") for action in actions]
    return " && ".join(typed) if typed and all(typed) else command
