"""What each command needs is locked as its head and our packages say it."""

import subprocess
from pathlib import Path

import pytest

from tidy.tree import ROOT

COMMANDS = sorted(path for path in (ROOT / "commands").iterdir() if path.is_file() and path.suffix != ".lock")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.name)
def test_the_lock_of_a_command_is_current(command: Path, tmp_path: Path) -> None:
    # Without a network or a cache: a lock that says all of it is compared, and nothing is looked up.
    checking = ["uv", "lock", "--check", "--offline", f"--cache-dir={tmp_path}", "--script", str(command)]
    done = subprocess.run(checking, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, f"{done.stderr}(uv lock --script {command.relative_to(ROOT)})"


def test_there_is_no_lock_without_its_command() -> None:
    assert {path.stem for path in (ROOT / "commands").glob("*.lock")} == {command.name for command in COMMANDS}
