"""What this user's launcher on this machine is: the name under which sessions know it, and whether it runs."""

import fcntl
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


def ended_launcher(environment: Mapping[str, str]) -> str | None:
    """Return the id of this user's launcher if it does not run, whatever a runtime still believes of it.

    One that was killed said nothing; the lock of its state folder, which the kernel took back, does.
    """
    folder = _state_folder(environment)
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or there is none
        return None
    return _told(folder, "launcher_id")


def _name_of_launcher(environment: Mapping[str, str]) -> str | None:
    return _told(_state_folder(environment), "host")


def _told(folder: Path, member: str) -> str | None:
    """Read a word of a launcher's identity, if that is this folder's own and no copy."""
    try:
        told = cast("Json", json.loads((folder / "identity.json").read_text(encoding="utf-8")))
        mark = str(folder.stat().st_ino)
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("folder") != mark:
        return None
    word = told.get(member)
    return word if isinstance(word, str) else None


def _state_folder(environment: Mapping[str, str]) -> Path:
    if own := environment.get("AGENT_LAUNCHER_STATE_DIR"):
        return Path(own).expanduser()
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "agent-launcher"
