"""Claude Code's messages and hooks turned into the events of a session, each tool call once."""

import json
import logging
from dataclasses import dataclass, field

from claude_agent_sdk import (
    AssistantMessage,
    HookContext,
    HookInput,
    HookJSONOutput,
    HookMatcher,
    SystemMessage,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)
from claude_agent_sdk.types import HookEvent

from agent_backends.protocol import BackendSession, Emit, Message, Started, ToolAnswered, ToolCalled
from runtime_client.wire import Json

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
    _asked: dict[str, ToolUseBlock] = field(default_factory=dict)
    _open: dict[str, str] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)

    def hooks(self) -> dict[HookEvent, list[HookMatcher]]:
        """The hooks to register with the SDK."""
        events: tuple[HookEvent, ...] = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
        return {event: [HookMatcher(hooks=[self._on_hook])] for event in events}

    def emit_system(self, message: SystemMessage) -> None:
        """Emit the client's start; write its retries to the log, for they may take minutes in silence."""
        if message.subtype == "init":
            self._emit_start(message)
        elif message.subtype == "api_retry":
            logger.warning(
                "model call failed and is tried again: attempt=%s max_retries=%s delay_seconds=%s status=%s error=%s",
                message.data.get("attempt"),
                message.data.get("max_retries"),
                float(message.data.get("retry_delay_ms") or 0) / 1000,
                message.data.get("error_status"),
                message.data.get("error"),
            )

    def emit_assistant(self, message: AssistantMessage) -> None:
        """Emit the agent's words; the words that the client puts in its mouth after a failed call are not its own."""
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._asked[block.id] = block
            elif isinstance(block, TextBlock) and block.text.strip() and self._is_own_word(message):
                self.last_text = block.text
                self.emit(Message(block.text))

    def emit_user(self, message: UserMessage) -> None:
        """Emit the tool results that no hook has seen."""
        if isinstance(message.content, str):
            return
        for block in message.content:
            if isinstance(block, ToolResultBlock) and block.tool_use_id not in self._answered:
                self._emit_unseen_result(block)

    def _emit_start(self, message: SystemMessage) -> None:
        session_id, model = message.data.get("session_id"), message.data.get("model")
        if self.session_id is None and isinstance(session_id, str):
            self.session_id = session_id
            self.emit(Started(model if isinstance(model, str) else None))
            self.emit(BackendSession(session_id))

    def _is_own_word(self, message: AssistantMessage) -> bool:
        return message.error is None and message.parent_tool_use_id is None

    def _emit_unseen_result(self, block: ToolResultBlock) -> None:
        asked = self._asked.get(block.tool_use_id)
        if block.tool_use_id not in self._open:
            if asked is None:
                return
            self._emit_call(asked.id, asked.name, asked.input)
        self._emit_answer(block.tool_use_id, block.content, is_error=bool(block.is_error))

    def _emit_call(self, tool_call_id: str, tool: str, tool_input: object) -> None:
        self._open[tool_call_id] = tool
        self.emit(ToolCalled(tool_call_id, tool, plain_json(tool_input)))

    def _emit_answer(self, tool_call_id: str, output: object, *, is_error: bool) -> None:
        self._answered.add(tool_call_id)
        tool = self._open.pop(tool_call_id, "unknown")
        self.emit(ToolAnswered(tool_call_id, tool, plain_json(output), is_error=is_error))

    async def _on_hook(self, found: HookInput, _tool_use_id: str | None, _context: HookContext) -> HookJSONOutput:
        match found["hook_event_name"]:
            case "PreToolUse":
                self._emit_call(found["tool_use_id"], found["tool_name"], found["tool_input"])
            case "PostToolUse":
                self._emit_answer(found["tool_use_id"], found["tool_response"], is_error=False)
            case "PostToolUseFailure":
                self._emit_answer(found["tool_use_id"], found["error"], is_error=True)
            case _:
                pass
        return {}


def plain_json(value: object) -> Json:
    """A value that came in as JSON, as the JSON it was."""
    plain: Json = json.loads(json.dumps(value, default=str))
    return plain
