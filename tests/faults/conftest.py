"""One runtime for each file of fault tests; tests that hurt the runtime itself start one of their own."""

from collections.abc import Iterator
from itertools import count

import pytest

from faults.bench import Bench
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.proxy import ChaosProxy
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that a file's tests share."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Numbers that no two tests share, for the names of sessions."""
    return count(1)


@pytest.fixture
def proxy(runtime: RuntimeProcess, quiet_launcher: LauncherProcess) -> Iterator[ChaosProxy]:
    """The launcher's way to the runtime."""
    with ChaosProxy(runtime.port) as between:
        quiet_launcher.runtime_url = between.url
        yield between


@pytest.fixture
def bench(
    api: RuntimeApi, quiet_launcher: LauncherProcess, project: Project, ledger: Ledger, numbers: Iterator[int]
) -> Iterator[Bench]:
    """A launcher that is not started yet, and what a test does with it and its jobs."""
    quiet_launcher.environment["AGENT_LAUNCHER_MEMORY_FLOOR_MIB"] = "0"
    quiet_launcher.environment["AGENT_LAUNCHER_MEMORY_PRESSURE_MAX"] = "0"
    yield Bench(api, quiet_launcher, project, ledger, numbers)
    quiet_launcher.leave_nothing()
    # The runtime would wait for it to come back, and count it among those that may take the next test's jobs.
    for row in api.launchers():
        api.http.delete(f"/launchers/{row['launcher_id']}")
