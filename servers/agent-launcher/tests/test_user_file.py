"""What the user's file of settings says to a launcher, and to one that was copied without its reader."""

import sys
from pathlib import Path

import pytest

from lib.errors import ConfigurationError
from lib.user_file import with_file
from support.user_file import home_with

PARTS = ("settings_file", "settings_file.environment", "settings_file.known", "settings_file.reader")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher in whose Python there is no reader of the file."""
    for part in PARTS:
        monkeypatch.setitem(sys.modules, part, None)


def test_the_file_says_what_the_environment_does_not(tmp_path: Path) -> None:
    told = home_with(tmp_path, '[launcher]\nmax_jobs = 3\nname = "filed"\n') | {"AGENT_LAUNCHER_NAME": "said"}

    assert with_file(told) == told | {"AGENT_LAUNCHER_MAX_JOBS": "3"}


@pytest.mark.usefixtures("alone")
def test_a_launcher_that_was_copied_alone_runs_where_there_is_no_file(tmp_path: Path) -> None:
    told = {"HOME": str(tmp_path), "AGENT_LAUNCHER_NAME": "said"}

    assert with_file(told) == told


@pytest.mark.usefixtures("alone")
def test_a_launcher_that_was_copied_alone_says_what_it_needs_where_there_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="copy packages/settings-file with it"):
        with_file(home_with(tmp_path, ""))
