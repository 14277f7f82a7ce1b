"""What a blueprint may say about Gemini CLI in its `options` and `limits`."""

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

OPTIONS = ("approval_mode", "client_path", "settings")
APPROVAL_MODES = ("yolo", "auto_edit", "default", "plan")


@dataclass(frozen=True)
class GeminiOptions:
    """The choices of one blueprint; what a mode would ask for is denied, for nobody is there.

    Shape:   `settings` are laid over the user's own `settings.json`.
    Units:   `max_turns` are calls to the model for one prompt.
    """

    approval_mode: str = APPROVAL_MODES[0]
    client_path: str = "gemini"
    settings: JsonObject = field(default_factory=dict)
    max_turns: int | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject) -> "GeminiOptions":
        """Read the options and limits of a blueprint; what it does not say has its default.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        because = "Gemini CLI tells of tokens and of no cost"
        refuse_limit(limits, "max_cost_usd", because, "max_tokens", "max_turns", "max_run_seconds")
        return cls(
            approval_mode=one_of(options, "approval_mode", APPROVAL_MODES) or APPROVAL_MODES[0],
            client_path=optional_text(options, "client_path") or "gemini",
            settings=nested(options, "settings"),
            max_turns=optional_integer(limits, "max_turns"),
        )
