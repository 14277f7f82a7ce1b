"""What a blueprint may say about Gemini CLI in its `options` and `limits`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_backends.client.limits import refuse_limits
from agent_backends.client.permission import Permission, mode_in, permission_in
from runtime_client.wire import (
    JsonObject,
    nested,
    only,
    optional_integer,
    optional_text,
)

OPTIONS = ("approval_mode", "client_path", "permission", "settings")
CANNOT_HOLD: Mapping[str, str] = {"max_cost_usd": "Gemini CLI tells of tokens and of no cost"}
APPROVAL_MODES = ("yolo", "auto_edit", "default", "plan")
_MEANT: Mapping[Permission, str] = {Permission.ALLOW_ONCE: "yolo", Permission.REJECT: "default"}


@dataclass(frozen=True)
class GeminiOptions:
    """The choices of one blueprint; what a mode would ask for is denied, for nobody is there.

    Shape:   `settings` are laid over the user's own `settings.json`; `rejects_servers` is true if it may not call the
             blueprint's MCP servers.
    Units:   `max_turns` are calls to the model for one prompt.
    """

    approval_mode: str = APPROVAL_MODES[0]
    rejects_servers: bool = False
    client_path: str = "gemini"
    settings: JsonObject = field(default_factory=dict)
    max_turns: int | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject) -> "GeminiOptions":
        """Read the options and limits of a blueprint; what it does not say has its default.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        refuse_limits(limits, CANNOT_HOLD)
        return cls(
            approval_mode=mode_in(options, "approval_mode", APPROVAL_MODES, _MEANT),
            rejects_servers=permission_in(options) is Permission.REJECT,
            client_path=optional_text(options, "client_path") or "gemini",
            settings=nested(options, "settings"),
            max_turns=optional_integer(limits, "max_turns"),
        )
