"""What a keeper forks by itself is tested where it runs: in a process with one thread, which no runner of tests has."""

import subprocess
import sys
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[1]
TESTS = LAUNCHER / "tests" / "one_thread" / "forked_starts.py"


def test_a_command_that_is_forked_into_its_cgroup_begins_as_one_that_is_executed_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", str(TESTS)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


FORKS_FOR_DAYS = """
import gc
from lib.keeper.fork_into import fork_into_folder
no_folder = -1  # refused by the kernel, when all that a fork needs has been made
gc.collect()
gc.disable()
print({fork_into_folder(no_folder) for _ in range(20)}, gc.collect())
"""


def test_who_forks_for_days_and_collects_no_garbage_leaves_none_behind() -> None:
    # A runner of tests has garbage of its own, and it may come from any of its threads at any time.
    done = subprocess.run(
        [sys.executable, "-c", FORKS_FOR_DAYS], cwd=LAUNCHER, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.stdout, done.stderr) == ("{None} 0\n", "")
