"""What a keeper forks by itself is tested where it runs: in a process with one thread, which no runner of tests has."""

import subprocess
import sys
from pathlib import Path

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
