"""A process beside a command in the foreground that ends the agent if the command is killed.

The agent has a session of its own, so that Ctrl+C reaches the command alone; so nothing reaches it when the command
dies of SIGKILL or of the memory's end. Under a launcher the job's keeper sees to that; here this process does. It reads
a pipe that only the command writes to, and whose end the kernel reports, however the command died.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROGRAM = Path(__file__).with_name("guard_process.py")
DISMISSED = b"dismissed"
START_SECONDS = 30.0


@contextlib.contextmanager
def guarded(marker: str) -> Iterator[None]:
    """End every process with `marker`, a `NAME=value`, in its environment if this process dies inside the block."""
    # -I -S: nothing but Python's own modules, which costs milliseconds; a session of its own, as Ctrl+C is not for it.
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", str(PROGRAM), marker],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # It leaves a child behind and ends: what descends from this process is ended with the turn, and it must not be.
    guard.wait(START_SECONDS)
    assert guard.stdin is not None
    with guard.stdin as pipe:
        yield
        with contextlib.suppress(BrokenPipeError):
            pipe.write(DISMISSED)
            pipe.flush()
