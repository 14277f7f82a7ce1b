"""What Codex wants approved, in the words in which all kinds ask: tools as Claude Code names them."""

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from agent_backends.client.loose import parts, word
from agent_backends.protocol import Said
from runtime_client.wire import Json, JsonObject

RULED_TOOLS = ("Bash", "Edit", "Write")
_SHELLS = frozenset({"bash", "sh", "zsh"})
# Elsewhere an agent may have put a program of its own under such a name.
_FOLDERS_OF_SHELLS = frozenset({".", "/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"})
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


def _command(params: JsonObject, item: JsonObject) -> str:
    # Never its `commandActions`: these are a guess for display, and leave out what changes, removes or writes.
    return _typed(params.get("command")) or _typed(item.get("command"))


def _typed(command: Json) -> str:
    """Return what is typed into a shell, if a shell and nothing else is called; otherwise the whole call."""
    words = _words(command)
    match words:
        # It says how its shell is called; rules are about what is typed into it.
        case [shell, "-c" | "-lc", script] if script and _is_shell(PurePosixPath(shell)):
            return script
        case _:
            return command if isinstance(command, str) else shlex.join(words)


def _is_shell(program: PurePosixPath) -> bool:
    return program.name in _SHELLS and str(program.parent) in _FOLDERS_OF_SHELLS


def _words(command: Json) -> list[str]:
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:  # A quote is left open.
            return []
    if not isinstance(command, Sequence):
        return []
    said = [one for one in command if isinstance(one, str)]
    return said if len(said) == len(command) else []
