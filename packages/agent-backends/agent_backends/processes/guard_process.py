"""The program that `guard.py` starts; it runs alone, on what comes with Python. Linux only: it reads /proc.

On the command line: the marker. On standard input: something if all is well, nothing but the end if the command died.
"""

import os
import signal
import sys
import time
from pathlib import Path

PROC = Path("/proc")
GRACE_SECONDS = 2.0
LOOKS_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.05


def main() -> None:
    """Wait for the command's end, and if it was no good one, end what it started."""
    if os.fork() != 0:
        os._exit(0)
    if os.read(0, 1) == b"":
        end_marked(sys.argv[1].encode())


def end_marked(marker: bytes) -> None:
    """SIGTERM, then SIGKILL, to all that carry the marker and to all below them, until there are none."""
    began = time.monotonic()
    asked: set[int] = set()
    while (found := marked(marker)) and time.monotonic() - began < LOOKS_SECONDS:
        is_late = time.monotonic() - began > GRACE_SECONDS
        for pid in found | below(found):
            if is_late or pid not in asked:
                send_signal(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= found
        time.sleep(LOOK_EVERY_SECONDS)


def marked(marker: bytes) -> set[int]:
    """The living processes that were started with the marker in their environment."""
    return {pid for pid in pids() if marker in read(pid, "environ").split(b"\0") and not is_zombie(pid)}


def below(found: set[int]) -> set[int]:
    """What descends from these; a child may have thrown its environment away."""
    parents = {pid: parent_of(pid) for pid in pids()}
    tree = set(found)
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree - found


def pids() -> list[int]:
    """All processes but this one."""
    return [int(entry.name) for entry in PROC.glob("[0-9]*") if int(entry.name) != os.getpid()]


def is_zombie(pid: int) -> bool:
    """Whether it only waits to be reaped."""
    return stat(pid)[:1] in ([b"Z"], [b"X"])


def parent_of(pid: int) -> int:
    """Its parent, or 0 if it is gone."""
    fields = stat(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def stat(pid: int) -> list[bytes]:
    """The kernel's figures on it after its name, which may be any text."""
    return read(pid, "stat").rpartition(b")")[2].split()


def read(pid: int, name: str) -> bytes:
    """A file of the kernel about a process; empty if it is gone or not ours."""
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def send_signal(pid: int, number: int) -> None:
    """Signal a process that may be gone by now."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main()
