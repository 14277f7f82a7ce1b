"""The real processes that tests share: a runtime, a project with a launcher in it, and a ledger of what ran."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime of its own, answering."""
    with RuntimeProcess(tmp_path / "runtime") as process:
        yield process.start()


@pytest.fixture
def api(runtime: RuntimeProcess) -> Iterator[RuntimeApi]:
    """The runtime's API with the user's token."""
    client = runtime.api
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with a copied launcher and the scripted commands."""
    return Project(tmp_path / "project").with_scripted_commands()


@pytest.fixture
def ledger(project: Project) -> Ledger:
    """What the scripted commands wrote down."""
    return Ledger(project.ledger_path)


@pytest.fixture
def quiet_launcher(runtime: RuntimeProcess, project: Project, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher with scripted commands, not started yet."""
    process = LauncherProcess(
        tmp_path / "launcher",
        runtime.url,
        runtime.token,
        script=project.launcher,
        environment={"LEDGER": str(project.ledger_path)},
    )
    yield process
    process.leave_nothing()


@pytest.fixture
def launcher(quiet_launcher: LauncherProcess) -> LauncherProcess:
    """A launcher with scripted commands, registered."""
    return quiet_launcher.start()


@pytest.fixture
def whole_launcher(runtime: RuntimeProcess, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher with the commands of this repository: `ao-start` runs real agents."""
    process = LauncherProcess(tmp_path / "launcher", runtime.url, runtime.token)
    yield process.start()
    process.leave_nothing()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeApi]:
    """A runtime and a launcher with the commands of this repository, for all tests of a file that only order jobs."""
    folder = tmp_path_factory.mktemp("house")
    with RuntimeProcess(folder / "runtime") as runtime:
        runtime.start()
        with LauncherProcess(folder / "launcher", runtime.url, runtime.token) as launcher:
            launcher.start()
            with contextlib.closing(runtime.api) as client:
                yield client
