"""A skip that nobody has listed fails the run, on one worker and on several; what failed is named in its last lines."""

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

FAILING = """
import pytest

def test_with_a_dump():
    assert bytes(500) == bytes(499)

@pytest.fixture
def broken():
    raise ValueError("two\\nlines")

def test_that_cannot_begin(broken):
    pass
"""


def run(folder: Path, content: str, workers: str) -> subprocess.CompletedProcess[str]:
    """Run one file of tests as this project's own are run."""
    shutil.copy(REPOSITORY / "conftest.py", folder)
    (folder / "test_it.py").write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider"]
    paths = {"PYTHONPATH": str(REPOSITORY / "tests"), "PYTEST_XDIST_AUTO_NUM_WORKERS": ""}
    return subprocess.run(
        [*command, "-rsxX", "-n", workers, str(folder)],
        env={**os.environ, **paths, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(("reason", "passes"), [(LISTED, True), ("I did not feel like it", False)])
def test_a_skip_for_a_reason_that_is_not_listed_fails_the_run(
    tmp_path: Path, reason: str, passes: bool, workers: str
) -> None:
    done = run(tmp_path, TEST.format(reason=reason), workers)

    assert (done.returncode == 0) == passes, done.stdout
    assert ("does not list" in done.stdout) != passes


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_failed_is_named_a_line_each_right_before_the_result(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, FAILING, workers)

    *_, failed, error, result = done.stdout.splitlines()
    assert failed.startswith("FAILED test_it.py::test_with_a_dump - AssertionError: ")
    assert error == "ERROR test_it.py::test_that_cannot_begin - ValueError: two"
    assert "1 failed, 1 error" in result


def test_where_it_can_be_installed_a_missing_sandbox_is_no_reason() -> None:
    reason = "there is no 'bwrap' here (install the package 'bubblewrap')"

    assert is_allowed(reason, is_root=False)
    assert not is_allowed(reason, is_root=True)
