"""Whether this machine can make sandboxes, for the tests that need one, and how it comes to it.

The product takes `bwrap` from the system's folders only, so it is the distribution's package that is brought.
"""

import shutil
import subprocess

from support import distribution

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ensure_bubblewrap() -> str:
    """Install the package if it is missing and we may; tell where the program is, or why the tests go without."""
    if _program() is None:
        distribution.install("bubblewrap")
    return why_not() or f"found {_program()}"


def why_not() -> str:
    """Why this machine cannot make a sandbox; empty if it can."""
    program = _program()
    if program is None:
        return "there is no 'bwrap' here (install the package 'bubblewrap')"
    mounts = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    words = [program, *mounts, "--unshare-pid", "--unshare-net", "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return f"bwrap cannot make a sandbox here: {done.stderr.strip()}" if done.returncode else ""


def _program() -> str | None:
    return shutil.which("bwrap", path=SYSTEM_PATH)
