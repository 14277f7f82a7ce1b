"""A soak that is told to end leaves nothing."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from support.process import ProcessUnderTest
from support.project import REPOSITORY

AS_IN_THE_BACKGROUND = 'trap "" INT; exec "$0" "$@"'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_soak_in_the_background_ends_at_one_signal_and_leaves_no_process_and_no_mount(
    tmp_path: Path, number: signal.Signals
) -> None:
    soak = ProcessUnderTest("soak", tmp_path / "soak.log")
    command = ["sh", "-c", AS_IN_THE_BACKGROUND, sys.executable, "-m", "soak", "--minutes", "9", "--seed", "7"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "tests")}
    soak.spawn(command, environment, tmp_path)
    try:
        soak.wait_for_line("at the start")
        soak.signal(number)

        assert soak.wait() == 128 + number, soak.log()
        assert f"not judged, ended early by {number.name}" in soak.log()
        assert "jobs acknowledged" in soak.log()
        assert [process.cmdline() for process in psutil.process_iter() if _mentions(process, tmp_path)] == []
        assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    finally:
        soak.leave_nothing()


def _mentions(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in " ".join([*process.environ().values(), *process.cmdline()])
    except (psutil.Error, OSError):
        return False
