"""The shells that people complete words in, for the tests that type into them."""

import shutil
from collections.abc import Mapping

from support import distribution

BEGIN: Mapping[str, tuple[str, ...]] = {
    "bash": ("bash", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--private", "-i"),
}
"""The words that begin each of them without anybody's own settings."""
LOAD: Mapping[str, str] = {
    "bash": 'eval "$(ao completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(ao completion zsh)"',
    "fish": "ao completion fish | source",
}
"""What `ao completion --help` says to write into the shell's own file."""


def ensure_shells() -> str:
    """Install those that are missing, if we may; tell which are here, or why the tests go without."""
    if missing := [shell for shell in BEGIN if why_not(shell)]:
        distribution.install(*missing)
    return "; ".join(filter(None, map(why_not, BEGIN))) or f"found {', '.join(BEGIN)}"


def why_not(shell: str) -> str:
    """Why this machine cannot run a shell; empty if it can."""
    return "" if shutil.which(shell) else f"there is no '{shell}' here"
