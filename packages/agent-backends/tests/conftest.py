"""What the tests of the backends share."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agent_rig import AgentRig
from support.bubblewrap import why_not as why_no_sandbox
from support.client_rigs import ALL, ClientBench, rig_of
from support.commands import Commands
from support.model_stand_in import ModelStandIn
from support.real_clients import why_not as why_no_clients
from support.runtime_process import RuntimeProcess


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip what needs a real sandbox where the machine cannot make one; that nothing runs then is tested everywhere."""
    if reason := why_no_sandbox():
        pytest.skip(reason)


@pytest.fixture
def rig(tmp_path: Path) -> AgentRig:
    """The scripted agent, with a home and a project of its own."""
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    return AgentRig(home, project_dir)


@pytest.fixture(params=ALL, ids=lambda client: client.name)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClientBench]:
    """Each real client as its blueprint has it that ships, in an empty home, before the stand-in for its model."""
    if reason := why_no_clients():
        pytest.skip(reason)
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    with ModelStandIn() as model:
        yield ClientBench(request.param, rig_of(request.param, model, home, project_dir), model)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """One runtime for the tests of a file that has none of its own."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture
def commands(runtime: RuntimeProcess, tmp_path: Path) -> Commands:
    """The commands in an empty home, which reach that runtime."""
    return Commands(runtime.url, tmp_path, runtime.token)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
