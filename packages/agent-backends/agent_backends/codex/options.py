"""What a blueprint may say about Codex in its `options` and `limits`."""

from dataclasses import dataclass, field

from agent_backends.client.limits import refuse_limit
from runtime_client.wire import (
    JsonObject,
    nested,
    one_of,
    only,
    optional_integer,
    optional_text,
)

OPTIONS = ("client_path", "config", "effort", "sandbox_mode")
SANDBOX_MODES = ("danger-full-access", "workspace-write", "read-only")


@dataclass(frozen=True)
class CodexOptions:
    """The choices of one blueprint.

    Shape:   `config` is laid over the user's own `config.toml`, by dotted names; `sandbox_mode` is Codex' own sandbox,
             beside the one of the blueprint.
    Units:   `max_turns` are calls to the model for one prompt.
    """

    client_path: str = "codex"
    config: JsonObject = field(default_factory=dict)
    effort: str | None = None
    sandbox_mode: str = SANDBOX_MODES[0]
    max_turns: int | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject) -> "CodexOptions":
        """Read the options and limits of a blueprint; what it does not say has its default.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        because = "Codex tells of tokens and of no cost"
        refuse_limit(limits, "max_cost_usd", because, "max_tokens", "max_turns", "max_run_seconds")
        return cls(
            client_path=optional_text(options, "client_path") or "codex",
            config=nested(options, "config"),
            effort=optional_text(options, "effort"),
            sandbox_mode=one_of(options, "sandbox_mode", SANDBOX_MODES) or SANDBOX_MODES[0],
            max_turns=optional_integer(limits, "max_turns"),
        )
