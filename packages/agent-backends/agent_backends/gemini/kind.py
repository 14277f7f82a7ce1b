"""What the kind `gemini` says of itself."""

from collections.abc import Mapping
from pathlib import Path

from agent_backends.client.permission import PERMISSIONS
from agent_backends.gemini.options import APPROVAL_MODES, CANNOT_HOLD
from agent_backends.kind import Found, Kind, Option, found_program
from agent_backends.protocol import Backend
from runtime_client.wire import JsonObject

_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS")


def _load() -> Backend:
    from agent_backends.gemini.backend import GeminiBackend

    return GeminiBackend()


def _look(options: JsonObject, command: tuple[str, ...], environment: Mapping[str, str]) -> Found:  # noqa: ARG001
    from agent_backends.client.accounts import fingerprint

    home = environment.get("GEMINI_CLI_HOME") or environment.get("HOME") or str(Path.home())
    has_login = any(environment.get(name) for name in _KEYS) or Path(home, ".gemini/oauth_creds.json").is_file()
    # Its settings may name a key's place, or a cloud whose login is the machine's.
    has_settings = bool(environment.get("GOOGLE_CLOUD_PROJECT")) or Path(home, ".gemini/.env").is_file()
    is_signed_in = True if has_login else None if has_settings else False
    account = fingerprint(environment.get("GEMINI_API_KEY") or environment.get("GOOGLE_API_KEY"))
    program = str(options.get("client_path") or "gemini")
    return found_program(program, environment, is_signed_in=is_signed_in, account=account)


def describe() -> Kind:
    """Say what blueprints of this kind may say, and how it is run and found."""
    return Kind(
        name="gemini",
        title="Gemini CLI",
        takes_command=False,
        options=(
            Option(
                "permission",
                "`allow_once`, or `reject`: it can read, and change or call nothing",
                "`allow_once`",
                PERMISSIONS,
                instead_of="approval_mode",
            ),
            Option(
                "approval_mode",
                "what it may do unasked: `yolo`, `auto_edit`, `default`, `plan`",
                "`yolo`",
                APPROVAL_MODES,
            ),
            Option("settings", "laid over its `settings.json`"),
            Option("client_path", "another `gemini` than the one on PATH"),
        ),
        load=_load,
        permissions=("allow", "deny"),
        look=_look,
        cannot_hold=CANNOT_HOLD,
    )
