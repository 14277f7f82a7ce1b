"""The name under which sessions know this machine: where they can be resumed."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from runtime_client.wire import Json


def host_name(environment: Mapping[str, str]) -> str:
    """Return the name that was set, else the one that this user's launcher goes by, else the host's own.

    A launcher keeps its machine's name in its state folder, and with it the sessions of a machine that was renamed.
    """
    return environment.get("AGENT_HOST_NAME", "").strip() or _name_of_launcher(environment) or socket.gethostname()


def _name_of_launcher(environment: Mapping[str, str]) -> str | None:
    folder = _state_folder(environment)
    try:
        told = cast("Json", json.loads((folder / "identity.json").read_text(encoding="utf-8")))
        mark = str(folder.stat().st_ino)
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("folder") != mark:
        return None
    name = told.get("host")
    return name if isinstance(name, str) else None


def _state_folder(environment: Mapping[str, str]) -> Path:
    if own := environment.get("AGENT_LAUNCHER_STATE_DIR"):
        return Path(own).expanduser()
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "agent-launcher"
