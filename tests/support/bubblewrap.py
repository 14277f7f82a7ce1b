"""Whether this machine can make sandboxes, for the tests that need one."""

import shutil
import subprocess

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_not() -> str:
    """Why this machine cannot make a sandbox; empty if it can."""
    program = shutil.which("bwrap", path=SYSTEM_PATH)
    if program is None:
        return "there is no 'bwrap' here (install the package 'bubblewrap')"
    mounts = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    words = [program, *mounts, "--unshare-pid", "--unshare-net", "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return f"bwrap cannot make a sandbox here: {done.stderr.strip()}" if done.returncode else ""
