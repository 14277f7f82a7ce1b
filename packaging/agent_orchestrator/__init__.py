"""What a wheel carries beside the packages: launcher, page and shipped agents, as they lie in a checkout."""

from pathlib import Path


def tree() -> Path:
    """Find the folder that holds `servers/agent-launcher`, `dashboard`, `agents` and `monitoring`."""
    return Path(__file__).resolve().parent / "tree"
