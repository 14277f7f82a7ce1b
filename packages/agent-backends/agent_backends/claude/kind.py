"""What the kind `claude` says of itself."""

import sys
from collections.abc import Mapping
from pathlib import Path

from agent_backends.claude.options import PERMISSION_MODES, SystemPromptMode
from agent_backends.client.permission import PERMISSIONS
from agent_backends.kind import Found, Kind, Option, found_program
from agent_backends.protocol import Backend, CannotRunError
from runtime_client.wire import JsonObject, UnexpectedAnswerError

_ELSEWHERE = (
    *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
    "ANTHROPIC_BASE_URL",
)
_MANAGED = Path("/etc/claude-code/managed-settings.json")
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")


def _load() -> Backend:
    from agent_backends.claude.backend import ClaudeBackend

    return ClaudeBackend()


def _look(options: JsonObject, command: tuple[str, ...], environment: Mapping[str, str]) -> Found:  # noqa: ARG001
    from agent_backends.claude.launch import find_client
    from agent_backends.claude.options import ClaudeOptions

    try:
        client = find_client(ClaudeOptions.read(options, {}), environment)
    except (CannotRunError, UnexpectedAnswerError):
        return Found()
    home = environment.get("HOME") or str(Path.home())
    login = Path(environment.get("CLAUDE_CONFIG_DIR") or f"{home}/.claude", ".credentials.json")
    has_login = any(environment.get(name) for name in _KEYS) or login.is_file()
    is_signed_in = True if has_login else None if _may_sign_in_elsewhere(environment) else False
    return found_program(client, environment, is_signed_in=is_signed_in, account=_account(environment, home))


def _account(environment: Mapping[str, str], home: str) -> str | None:
    """Tell its account: by what a variable says, or by the id beside its login, whose tokens change."""
    from agent_backends.client.accounts import fingerprint, text_in

    folder = environment.get("CLAUDE_CONFIG_DIR") or home
    given = next((environment[name] for name in _KEYS if environment.get(name)), None)
    known = given or text_in(Path(folder, ".claude.json"), "oauthAccount", "accountUuid")
    return fingerprint(known, environment.get("ANTHROPIC_BASE_URL"))


def _may_sign_in_elsewhere(environment: Mapping[str, str]) -> bool:
    """Tell whether it may have a login that cannot be seen: a keychain's, a cloud's, or one that its settings bring."""
    return sys.platform == "darwin" or any(environment.get(name) for name in _ELSEWHERE) or _MANAGED.is_file()


def describe() -> Kind:
    """Say what blueprints of this kind may say, and how it is run and found."""
    return Kind(
        name="claude",
        title="Claude Code",
        takes_command=False,
        options=(
            Option(
                "permission",
                "`allow_once`, or `reject`: what it would ask for is denied, but for `allowed_tools`",
                "`allow_once`",
                PERMISSIONS,
                instead_of="permission_mode",
            ),
            Option(
                "permission_mode",
                "what it may do unasked: see run-claude-code.md",
                "`bypassPermissions`",
                PERMISSION_MODES,
            ),
            Option("setting_sources", "which settings, hooks and memory files count", "none"),
            Option("load_other_mcp_servers", "whether servers other than the blueprint's are connected", "`false`"),
            Option("system_prompt", "`append` to its own, or `replace` it", "`append`", tuple(SystemPromptMode)),
            Option("verbatim_prompts", "whether `@file` and `/command` in a prompt are plain text", "`true`"),
            Option("allowed_tools", "tool rules, as Claude Code writes them"),
            Option("disallowed_tools", "tool rules, as Claude Code writes them"),
            Option("fallback_model", "as in Claude Code"),
            Option("effort", "as in Claude Code"),
            Option("client_path", "another `claude` than the one that comes along"),
        ),
        load=_load,
        permissions=("allow", "ask", "deny"),
        ruled_tools=("*",),
        look=_look,
        extra="claude",
    )
