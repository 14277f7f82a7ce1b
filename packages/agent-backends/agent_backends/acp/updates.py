"""What an agent tells while it works, turned into the events of a session."""

import json
import logging

from agent_backends.acp.tools import ToolCalls
from agent_backends.acp.usage import Meter
from agent_backends.client.loose import word
from agent_backends.client.words import Words
from agent_backends.protocol import Emit, Message, Pulse
from agent_backends.redaction import Secrets
from runtime_client.wire import JsonObject

logger = logging.getLogger(__name__)

# What the protocol knows and what makes no event: plans and thoughts are for whoever watches the agent live.
_SILENT = frozenset(
    {
        *("agent_thought_chunk", "available_commands_update", "config_option_update", "current_mode_update"),
        *("plan", "plan_removed", "plan_update", "session_info_update", "user_message_chunk"),
    }
)
# Told of a session before and after its prompts too, so they are no sign that one was accepted.
_ABOUT_SESSION = frozenset(
    {"available_commands_update", "config_option_update", "current_mode_update", "session_info_update", "usage_update"}
)
UNKNOWN_CHARACTERS_MAX = 2000


class Updates:
    """Takes the updates of one session; what comes before the prompt is a replay of earlier turns and makes no events.

    Shape:   `is_under_way` is true once one of them shows that the agent works on the prompt.
    """

    def __init__(self, emit: Emit, secrets: Secrets, pulse: Pulse) -> None:
        self.meter = Meter()
        self.words = Words(lambda text: emit(Message(text)))
        self.tools = ToolCalls(emit, pulse)
        self.is_under_way = False
        self._is_prompted = False
        self._secrets = secrets
        self._unknown: set[str] = set()

    def begin(self) -> None:
        """Tell from here on: the prompt is on its way."""
        self._is_prompted = True
        self.meter.begin()

    def see(self, update: JsonObject) -> None:
        """Take one update."""
        kind = word(update, "sessionUpdate")
        if kind == "usage_update":
            self.meter.see_update(update)
        if not self._is_prompted:
            return
        self.is_under_way |= kind not in _ABOUT_SESSION
        match kind:
            case "agent_message_chunk":
                self.words.say(_text_of(update), word(update, "messageId") or None)
            case "tool_call" | "tool_call_update":
                self.words.work()
                self.tools.see(update)
            case "usage_update":
                pass
            case "agent_thought_chunk" | "plan":
                self.words.pause()
            case _ if kind not in _SILENT:
                self._keep(kind, update)

    def finish(self) -> None:
        """Tell what is left."""
        self.words.pause()
        self.tools.finish()

    def _keep(self, kind: str, update: JsonObject) -> None:
        # Once for each kind: it may come a thousand times, and the log of the job has its bounds.
        if kind not in self._unknown:
            self._unknown.add(kind)
            shown = self._secrets.hidden_in(json.dumps(update, ensure_ascii=False))[:UNKNOWN_CHARACTERS_MAX]
            logger.warning("the agent sent an update that is not known here: %s", shown)


def _text_of(update: JsonObject) -> str:
    kind = word(update, "content", "type")
    return word(update, "content", "text") if kind == "text" else f"[{kind or 'nothing'}]"
