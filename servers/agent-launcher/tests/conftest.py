"""The real things that the launcher's tests share: a fake runtime over a socket, commands, keepers and launchers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.executor_on_keeper import ExecutorOnKeeper
from launcher_rig.fake_runtime import FakeRuntime
from launcher_rig.keeper_under_test import KeeperUnderTest, had
from launcher_rig.launcher_under_test import LauncherUnderTest

from lib.api_client import ApiClient, TokenSource
from lib.machine.machine import Machine
from lib.wire.http_client import http_client


@pytest.fixture
def fake() -> Iterator[FakeRuntime]:
    """A runtime that can be told to misbehave."""
    runtime = FakeRuntime().start()
    yield runtime
    runtime.stop()


@pytest.fixture
def api(fake: FakeRuntime) -> Iterator[ApiClient]:
    """A client of it, with a token and short polls."""
    client = ApiClient(http_client(fake.url), TokenSource("token", Path("/none")), poll_timeout=0.2)
    yield client
    client.close()


@pytest.fixture
def machine() -> Machine:
    """The real machine."""
    return Machine()


@pytest.fixture
def project(tmp_path: Path) -> CommandProject:
    """A project root with commands that do what the session's name says."""
    return CommandProject(tmp_path / "project")


@pytest.fixture
def launcher(project: CommandProject, fake: FakeRuntime) -> Iterator[LauncherUnderTest]:
    """A launcher, not started yet, in the project and on the fake runtime."""
    process = LauncherUnderTest(project, fake.url)
    yield process
    process.leave_nothing()


@pytest.fixture(params=["cgroup", "mark"])
def way(request: pytest.FixtureRequest) -> str:
    """What keeps the attempts of a keeper together; each test of one that takes this is run under both."""
    return had(str(request.param))


@pytest.fixture
def keeper(tmp_path: Path, project: CommandProject, way: str) -> Iterator[KeeperUnderTest]:
    """A keeper that lives and has been greeted."""
    process = KeeperUnderTest(tmp_path, project, way).start()
    assert process.hello()["way"] == way
    yield process
    process.leave_nothing()


@pytest.fixture
def marking_keeper(tmp_path: Path, project: CommandProject) -> Iterator[KeeperUnderTest]:
    """A keeper for tests of which the way does not matter: this one can be had wherever there is Linux."""
    process = KeeperUnderTest(tmp_path, project, "mark").start()
    process.hello()
    yield process
    process.leave_nothing()


@pytest.fixture
def executor(marking_keeper: KeeperUnderTest, project: CommandProject) -> ExecutorOnKeeper:
    """An executor that runs the project's commands."""
    return ExecutorOnKeeper(marking_keeper, project.root)
