"""One runtime for all that is broken beside it, and a launcher with what a soak's checker sees of it."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from soak.sight import Sight
from soak.stage import AGENT
from support.agents import add_program
from support.command_watch import watched
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that a file's tests share."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Numbers that no two tests share, for the names of sessions and agents."""
    return count(1)


@pytest.fixture
def sight(
    api: RuntimeApi, quiet_launcher: LauncherProcess, project: Project, ledger: Ledger, numbers: Iterator[int]
) -> Iterator[Sight]:
    """A launcher with scripted commands that is not started yet."""
    with watched(ledger):
        yield Sight(api, quiet_launcher, project, ledger, f"{AGENT}-{next(numbers)}")
        quiet_launcher.leave_nothing()
    for row in api.launchers():
        api.http.delete(f"/launchers/{row['launcher_id']}")


@pytest.fixture
def real(sight: Sight) -> Sight:
    """The same with the real commands."""
    sight.project.with_witnessed_commands()
    sight.agent = sight.name
    add_program(sight.api, sight.agent, str(sight.project.agent))
    return sight


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder in which no job may work."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder
