"""What a blueprint may say about Claude Code in its `options` and `limits`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent_backends.client.permission import Permission, mode_in
from runtime_client.wire import (
    JsonObject,
    flag,
    one_of,
    only,
    optional_integer,
    optional_number,
    optional_text,
    texts,
)

PERMISSION_MODES = ("bypassPermissions", "acceptEdits", "default", "plan", "dontAsk", "auto")
_MEANT: Mapping[Permission, str] = {
    Permission.ALLOW_ONCE: "bypassPermissions",
    Permission.REJECT: "dontAsk",
    Permission.ASK: "default",
}
SETTING_SOURCES = ("user", "project", "local")
OPTIONS = (
    "permission", "permission_mode", "setting_sources", "load_other_mcp_servers", "system_prompt", "verbatim_prompts",
    "allowed_tools", "disallowed_tools", "fallback_model", "effort", "client_path",
)  # fmt: skip


class SystemPromptMode(StrEnum):
    """What the blueprint's system prompt does to Claude Code's own."""

    APPEND = "append"
    REPLACE = "replace"


@dataclass(frozen=True)
class ClaudeOptions:
    """The choices of one blueprint; every default is safe for a run that nobody watches.

    Shape:   `system_prompt_mode` appends by default, because Claude Code's own prompt is what makes its tools work;
             `setting_sources` is empty by default: no settings, hooks or memory files but the blueprint's own;
             `takes_prompt_verbatim` keeps `@file` and `/command` in a prompt from being acted on.
    Units:   `max_cost_usd` and `max_turns` are per turn of the session, not per session.
    """

    permission_mode: str = "bypassPermissions"
    setting_sources: tuple[str, ...] = ()
    loads_other_mcp_servers: bool = False
    system_prompt_mode: SystemPromptMode = SystemPromptMode.APPEND
    takes_prompt_verbatim: bool = True
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    fallback_model: str | None = None
    effort: str | None = None
    client_path: str | None = None
    max_turns: int | None = None
    max_cost_usd: float | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject) -> "ClaudeOptions":
        """Read the options and limits of a blueprint; what it does not say has its default.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        return cls(
            permission_mode=mode_in(options, "permission_mode", PERMISSION_MODES, _MEANT),
            setting_sources=_all_of(options, "setting_sources", SETTING_SOURCES),
            loads_other_mcp_servers=flag(options, "load_other_mcp_servers", default=False),
            system_prompt_mode=SystemPromptMode(
                one_of(options, "system_prompt", tuple(SystemPromptMode)) or SystemPromptMode.APPEND
            ),
            takes_prompt_verbatim=flag(options, "verbatim_prompts", default=True),
            allowed_tools=texts(options, "allowed_tools"),
            disallowed_tools=texts(options, "disallowed_tools"),
            fallback_model=optional_text(options, "fallback_model"),
            effort=optional_text(options, "effort"),
            client_path=optional_text(options, "client_path"),
            max_turns=optional_integer(limits, "max_turns"),
            max_cost_usd=optional_number(limits, "max_cost_usd"),
        )


def _all_of(options: JsonObject, field: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    found = texts(options, field)
    for choice in found:
        one_of({field: choice}, field, allowed)
    return found
