"""What a blueprint may say about Codex in its `options` and `limits`."""

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

OPTIONS = ("client_path", "config", "effort", "permission", "sandbox_mode")
CANNOT_HOLD: Mapping[str, str] = {"max_cost_usd": "Codex tells of tokens and of no cost"}
SANDBOX_MODES = ("danger-full-access", "workspace-write", "read-only")
# Where nobody is asked it is not let ask: what it would ask for fails in its sandbox. Where people are, it asks for all
# but what only reads, and what they allow is done as they see it.
_MEANT: Mapping[Permission, str] = {
    Permission.ALLOW_ONCE: "danger-full-access",
    Permission.REJECT: "read-only",
    Permission.ASK: "danger-full-access",
}


@dataclass(frozen=True)
class CodexOptions:
    """The choices of one blueprint.

    Shape:   `config` is laid over the user's own `config.toml`, by dotted names; `sandbox_mode` is Codex' own sandbox,
             beside the one of the blueprint; `rejects_servers` is true if it may not call the blueprint's MCP servers,
             and `asks` if it asks people.
    Units:   `max_turns` are calls to the model for one prompt.
    """

    client_path: str = "codex"
    config: JsonObject = field(default_factory=dict)
    effort: str | None = None
    sandbox_mode: str = SANDBOX_MODES[0]
    rejects_servers: bool = False
    asks: bool = False
    max_turns: int | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject) -> "CodexOptions":
        """Read the options and limits of a blueprint; what it does not say has its default.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        refuse_limits(limits, CANNOT_HOLD)
        return cls(
            client_path=optional_text(options, "client_path") or "codex",
            config=nested(options, "config"),
            effort=optional_text(options, "effort"),
            sandbox_mode=mode_in(options, "sandbox_mode", SANDBOX_MODES, _MEANT),
            rejects_servers=permission_in(options) is Permission.REJECT,
            asks=permission_in(options) is Permission.ASK,
            max_turns=optional_integer(limits, "max_turns"),
        )
