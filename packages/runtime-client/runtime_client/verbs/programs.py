"""Where our other programs are: beside `ao` in an installation, in their own folders in a checkout."""

import sys
from pathlib import Path

from runtime_client.how_called import is_checkout

_ROOT = Path(__file__).resolve().parents[4]


def runtime_command() -> list[str]:
    """Return the words that start the runtime."""
    beside = Path(sys.executable).with_name("agent-runtime")
    of_checkout = _ROOT / ".venv" / "bin" / "agent-runtime"
    if beside.exists() or not is_checkout():
        return [str(beside)]
    return [str(of_checkout)] if of_checkout.exists() else ["uv", "run", "-q", "--project", str(_ROOT), "agent-runtime"]


def launcher_command() -> list[str]:
    """Return the words that start the launcher."""
    if is_checkout():
        return [str(_ROOT / "servers" / "agent-launcher" / "agent-launcher")]
    return [str(Path(sys.executable).with_name("agent-launcher"))]
