"""What a keeper forks by itself is tested where it runs: in a process with one thread, which no runner of tests has."""

import gc
import subprocess
import sys
from pathlib import Path

from lib.keeper.fork_into import fork_into_folder

TESTS = Path(__file__).parent / "one_thread" / "forked_starts.py"


def test_a_command_that_is_forked_into_its_cgroup_begins_as_one_that_is_executed_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", str(TESTS)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_forks_for_days_and_collects_no_garbage_leaves_none_behind() -> None:
    no_folder = -1  # refused by the kernel, when all that a fork needs has been made
    gc.collect()
    gc.disable()
    try:
        forked = {fork_into_folder(no_folder) for _ in range(20)}
        left = gc.collect()
    finally:
        gc.enable()
    assert (forked, left) == ({None}, 0)
