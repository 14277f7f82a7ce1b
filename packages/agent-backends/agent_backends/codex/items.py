"""What Codex does, item by item, turned into the events of a session."""

from agent_backends.client.loose import part, word
from agent_backends.client.words import Words
from agent_backends.protocol import Emit, Message, ToolAnswered, ToolCalled
from runtime_client.wire import Json, JsonObject

# Items that are no tool calls.
_SILENT = frozenset({"contextCompaction", "hookPrompt", "plan", "reasoning", "userMessage"})
_FAILED = ("declined", "failed")
# What of an item is about the call itself, and not about what it was given or gave.
_ABOUT = frozenset({"completedAtMs", "durationMs", "id", "startedAtMs", "status", "type"})
_OUTPUTS = ("aggregatedOutput", "contentItems", "error", "exitCode", "result", "results", "success")


class Items:
    """Emits each message and each tool call once."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.words = Words(lambda text: emit(Message(text)))
        self._called: set[str] = set()
        self._told: dict[str, JsonObject] = {}
        self.calls_since_model = 0

    def started(self, item: JsonObject) -> None:
        """Take the beginning of one."""
        self._told[word(item, "id")] = item
        if word(item, "type") not in _SILENT | {"agentMessage"}:
            self._call(item)

    def completed(self, item: JsonObject) -> None:
        """Take the end of one."""
        kind = word(item, "type")
        if kind == "agentMessage":
            self.words.say(word(item, "text"))
            self.words.pause()
        elif kind not in _SILENT:
            self._call(item)
            is_error = word(item, "status") in _FAILED
            self._emit(ToolAnswered(word(item, "id"), _tool(item), _output(item), is_error=is_error))

    def told(self, number: str) -> JsonObject:
        """Return what was told of an item at its beginning."""
        return self._told.get(number, {})

    def _call(self, item: JsonObject) -> None:
        number = word(item, "id")
        if number not in self._called:
            self._called.add(number)
            self.calls_since_model += 1
            self.words.work()
            self._emit(ToolCalled(number, _tool(item), _input(item)))


def _tool(item: JsonObject) -> str:
    kind = word(item, "type")
    if kind == "mcpToolCall":
        return f"mcp__{word(item, 'server')}__{word(item, 'tool')}"
    return {"commandExecution": "shell", "fileChange": "apply_patch"}.get(kind, kind)


def _input(item: JsonObject) -> Json:
    if word(item, "type") == "commandExecution":
        return {"command": word(item, "command")}
    if word(item, "type") == "mcpToolCall":
        return item.get("arguments")
    return {name: value for name, value in item.items() if name not in _ABOUT and name not in _OUTPUTS}


def _output(item: JsonObject) -> Json:
    if word(item, "type") == "commandExecution":
        return {"output": word(item, "aggregatedOutput"), "exit_code": item.get("exitCode")}
    if word(item, "type") == "mcpToolCall":
        return part(item, "result") or part(item, "error")
    return {name: item[name] for name in _OUTPUTS if item.get(name) is not None} or word(item, "status")
