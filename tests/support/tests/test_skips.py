"""A skip that nobody has listed fails the run, on one worker and on several."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.project import REPOSITORY
from support.skips import is_allowed

LISTED = "systemd's place"
TEST = """
import pytest

def test_this_one_passes():
    pass

def test_that_one_is_skipped():
    pytest.skip({reason!r})
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(("reason", "passes"), [(LISTED, True), ("I did not feel like it", False)])
def test_a_skip_for_a_reason_that_is_not_listed_fails_the_run(
    tmp_path: Path, reason: str, passes: bool, workers: str
) -> None:
    shutil.copy(REPOSITORY / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(TEST.format(reason=reason), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests"), "PYTEST_XDIST_AUTO_NUM_WORKERS": ""}

    done = subprocess.run(
        [*command, "-n", workers, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode == 0) == passes, done.stdout
    assert ("does not list" in done.stdout) != passes


def test_where_it_can_be_installed_a_missing_sandbox_is_no_reason() -> None:
    reason = "there is no 'bwrap' here (install the package 'bubblewrap')"

    assert is_allowed(reason, is_root=False)
    assert not is_allowed(reason, is_root=True)
