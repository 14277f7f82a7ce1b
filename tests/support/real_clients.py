"""The agents' own programs, in the versions of `tests/real_clients`: installed once for each user, and found there."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

PINNED = Path(__file__).resolve().parents[1] / "real_clients"
FILES = ("package.json", "package-lock.json")
INSTALL_SECONDS = 900


def ensure_real_clients() -> str:
    """Install them if they are not there; tell where they are, or why the tests go without."""
    if why_not():
        _install()
        why_not.cache_clear()
    return why_not() or f"found the real clients at {clients_folder()}"


@cache
def why_not() -> str:
    """Why they are not here; empty if they are."""
    missing = [name for name in ("codex", "gemini", "opencode", "claude-agent-acp") if not program(name).exists()]
    return f"the real clients are not installed here ({', '.join(missing)}: make test installs them)" if missing else ""


def program(name: str) -> Path:
    """Where one of them is, if it is."""
    return clients_folder() / "node_modules" / ".bin" / name


def clients_folder() -> Path:
    """Where they all are, if they are."""
    # Named after what is in it, and beside other caches: several checkouts of one version share a gigabyte.
    pinned = b"".join((PINNED / name).read_bytes() for name in FILES)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "agent-orchestrator-tests" / f"real-clients-{hashlib.sha256(pinned).hexdigest()[:16]}"


def _install() -> None:
    npm, folder = shutil.which("npm"), clients_folder()
    if npm is None:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Moved to its place once it is whole: an install that was broken off is no install.
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as unfinished:
        for name in FILES:
            shutil.copy(PINNED / name, unfinished)
        # Not `ci`: it asks for packages of other machines too, which some registries do not have.
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        done = subprocess.run([npm, "install", *quiet], cwd=unfinished, check=False, timeout=INSTALL_SECONDS)
        if done.returncode == 0 and not folder.exists():
            os.rename(unfinished, folder)  # noqa: PTH104 - a folder that another run has made meanwhile is kept
            Path(unfinished).mkdir()
