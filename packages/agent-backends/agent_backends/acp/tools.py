"""Tool calls as the agent tells of them, piece by piece, and each one told on once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_backends.client.loose import parts, word
from agent_backends.protocol import Emit, Pulse, ToolAnswered, ToolCalled
from runtime_client.wire import Json, JsonObject

_ENDED = ("completed", "failed")
# Kinds of tools that may change something; the protocol's others read, search, fetch or think.
_CHANGING = frozenset({"delete", "edit", "execute", "move"})


@dataclass
class _Call:
    title: str
    told: dict[str, Json] = field(default_factory=dict)
    is_called: bool = False
    is_answered: bool = False
    is_asked_for: bool = False


class ToolCalls:
    """Puts the pieces together: an input may come long after its call, an output in several parts.

    Shape:   `unasked` is the title of the first call that may have changed something and was not asked for.
    """

    def __init__(self, emit: Emit, pulse: Pulse) -> None:
        self._emit = emit
        self._pulse = pulse
        self._calls: dict[str, _Call] = {}
        self.unasked = ""

    def see(self, update: JsonObject) -> None:
        """Take a `tool_call` or a `tool_call_update`."""
        number = word(update, "toolCallId")
        call = self._calls.setdefault(number, _Call(title=word(update, "title") or word(update, "kind") or "tool"))
        call.told |= {name: value for name, value in update.items() if value is not None}
        status = word(call.told, "status")
        if status in _ENDED:
            self._call(number, call)
            self._answer(number, call, is_error=status == "failed")
            if status == "completed" and not call.is_asked_for and word(call.told, "kind") in _CHANGING:
                self.unasked = self.unasked or call.title
            self._pulse.tools.pop(number, None)
            return
        # It runs, whether or not enough is known of it to tell.
        self._pulse.tools[number] = call.title
        if status == "in_progress" and call.told.get("rawInput"):
            self._call(number, call)

    def ask_for(self, update: JsonObject) -> JsonObject:
        """Take a call for which permission is asked: the agent is about to make it; return all that was told of it.

        What it is given may be told only once it is allowed. Asking, an agent need not say again what it told before.
        """
        self.see(update)
        number = word(update, "toolCallId")
        call = self._calls[number]
        call.is_asked_for = True
        if call.told.get("rawInput"):
            self._call(number, call)
        return dict(call.told)

    def finish(self) -> None:
        """Tell of the calls that were begun and whose end nobody has told."""
        for number, call in self._calls.items():
            self._call(number, call)

    def _call(self, number: str, call: _Call) -> None:
        if not call.is_called:
            call.is_called = True
            self._emit(ToolCalled(number, call.title, call.told.get("rawInput") or {}))

    def _answer(self, number: str, call: _Call, *, is_error: bool) -> None:
        if not call.is_answered:
            call.is_answered = True
            self._emit(ToolAnswered(number, call.title, _output(call.told), is_error=is_error))


def _output(told: Mapping[str, Json]) -> Json:
    raw = told.get("rawOutput")
    if raw is not None:
        return raw
    content = parts(told, "content")
    if all(word(one, "content", "type") == "text" for one in content):
        return "\n".join(word(one, "content", "text") for one in content)
    return list(content)
