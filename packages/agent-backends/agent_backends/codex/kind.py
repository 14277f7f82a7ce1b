"""What the kind `codex` says of itself."""

from collections.abc import Mapping
from pathlib import Path

from agent_backends.client.permission import PERMISSIONS
from agent_backends.codex.options import CANNOT_HOLD, SANDBOX_MODES
from agent_backends.codex.questions import RULED_TOOLS
from agent_backends.kind import Found, Kind, Option, found_program
from agent_backends.protocol import Backend
from runtime_client.wire import JsonObject


def _load() -> Backend:
    from agent_backends.codex.backend import CodexBackend

    return CodexBackend()


def _look(options: JsonObject, command: tuple[str, ...], environment: Mapping[str, str]) -> Found:  # noqa: ARG001
    from agent_backends.client.accounts import fingerprint, text_in

    home = environment.get("HOME") or str(Path.home())
    login = Path(environment.get("CODEX_HOME") or f"{home}/.codex", "auth.json")
    # A provider of the user's own needs no login of Codex'; whether there is one stands in its settings.
    is_signed_in = True if environment.get("CODEX_API_KEY") or login.is_file() else None
    given = environment.get("CODEX_API_KEY") or text_in(login, "OPENAI_API_KEY")
    account = fingerprint(given or text_in(login, "tokens", "account_id"))
    program = str(options.get("client_path") or "codex")
    return found_program(program, environment, is_signed_in=is_signed_in, account=account)


def describe() -> Kind:
    """Say what blueprints of this kind may say, and how it is run and found."""
    return Kind(
        name="codex",
        title="Codex",
        takes_command=False,
        options=(
            Option(
                "permission",
                "`allow_once`, or `reject`: it can read, and change or call nothing",
                "`allow_once`",
                PERMISSIONS,
                instead_of="sandbox_mode",
            ),
            Option(
                "sandbox_mode",
                "Codex' own sandbox: `danger-full-access`, `workspace-write`, `read-only`",
                "the first",
                SANDBOX_MODES,
            ),
            Option("effort", "how long it thinks, as in Codex"),
            Option("config", "laid over its `config.toml`, by dotted names"),
            Option("client_path", "another `codex` than the one on PATH"),
        ),
        load=_load,
        permissions=("allow", "ask", "deny"),
        ruled_tools=RULED_TOOLS,
        look=_look,
        cannot_hold=CANNOT_HOLD,
    )
