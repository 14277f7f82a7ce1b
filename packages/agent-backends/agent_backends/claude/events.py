"""Claude Code's messages and hooks turned into the events of a session, each tool call once."""

import logging
from dataclasses import dataclass, field

from agent_backends.claude.messages import Answered, Asked, Said, blocks_of, word
from agent_backends.protocol import BackendSession, Emit, Message, Started, ToolAnswered, ToolCalled
from runtime_client.wire import JsonObject

logger = logging.getLogger(__name__)


@dataclass
class EventEmitter:
    """Emits what the agent does, in the order in which it does it.

    Tool calls come from hooks, which know input and output and also see subagents. A call that no hook saw (a tool
    that does not exist, a refused one) is read from the messages.
    """

    emit: Emit
    session_id: str | None = None
    last_text: str = ""
    _asked: dict[str, Asked] = field(default_factory=dict)
    _open: dict[str, str] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)

    def emit_hook(self, found: JsonObject) -> None:
        """Emit what a hook saw."""
        tool_call_id = word(found, "tool_use_id") or ""
        match found.get("hook_event_name"):
            case "PreToolUse":
                self._emit_call(Asked(tool_call_id, word(found, "tool_name") or "unknown", found.get("tool_input")))
            case "PostToolUse":
                self._emit_answer(Answered(tool_call_id, found.get("tool_response"), is_error=False))
            case "PostToolUseFailure":
                self._emit_answer(Answered(tool_call_id, found.get("error"), is_error=True))
            case _:
                pass

    def emit_system(self, message: JsonObject) -> None:
        """Emit the client's start; write its retries to the log, for they may take minutes in silence."""
        if message.get("subtype") == "init":
            self._emit_start(message)
        elif message.get("subtype") == "api_retry":
            delay_ms = message.get("retry_delay_ms")
            logger.warning(
                "model call failed and is tried again: attempt=%s max_retries=%s delay_seconds=%s status=%s error=%s",
                message.get("attempt"),
                message.get("max_retries"),
                delay_ms / 1000 if isinstance(delay_ms, int | float) else 0.0,
                message.get("error_status"),
                message.get("error"),
            )

    def emit_assistant(self, message: JsonObject) -> None:
        """Emit the agent's words; the words that the client puts in its mouth after a failed call are not its own."""
        is_own_word = message.get("error") is None and message.get("parent_tool_use_id") is None
        for block in blocks_of(message):
            if isinstance(block, Asked):
                self._asked[block.tool_call_id] = block
            elif isinstance(block, Said) and block.text.strip() and is_own_word:
                self.last_text = block.text
                self.emit(Message(block.text))

    def emit_user(self, message: JsonObject) -> None:
        """Emit the tool results that no hook has seen."""
        for block in blocks_of(message):
            if isinstance(block, Answered) and block.tool_call_id not in self._answered:
                self._emit_unseen(block)

    def _emit_start(self, message: JsonObject) -> None:
        session_id = word(message, "session_id")
        if self.session_id is None and session_id is not None:
            self.session_id = session_id
            self.emit(Started(word(message, "model")))
            self.emit(BackendSession(session_id))

    def _emit_unseen(self, answered: Answered) -> None:
        if answered.tool_call_id not in self._open:
            asked = self._asked.get(answered.tool_call_id)
            if asked is None:
                return
            self._emit_call(asked)
        self._emit_answer(answered)

    def _emit_call(self, asked: Asked) -> None:
        self._open[asked.tool_call_id] = asked.tool
        self.emit(ToolCalled(asked.tool_call_id, asked.tool, asked.input))

    def _emit_answer(self, answered: Answered) -> None:
        self._answered.add(answered.tool_call_id)
        tool = self._open.pop(answered.tool_call_id, "unknown")
        self.emit(ToolAnswered(answered.tool_call_id, tool, answered.output, is_error=answered.is_error))
