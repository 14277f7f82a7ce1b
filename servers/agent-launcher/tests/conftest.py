"""The real things that the launcher's tests share: a fake runtime over a socket, commands, launcher processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime
from launcher_rig.launcher_under_test import LauncherUnderTest

from lib.executor import Executor
from lib.forker import Forker
from lib.job_process import JobProcess
from lib.run_directory import RunsFolder
from support.waiting import wait_until


@pytest.fixture
def fake() -> Iterator[FakeRuntime]:
    """A runtime that can be told to misbehave."""
    runtime = FakeRuntime().start()
    yield runtime
    runtime.stop()


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


@pytest.fixture
def forker() -> Iterator[Forker]:
    """A fork server of its own."""
    server = Forker({"PATH": "/usr/bin:/bin"})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def runs(tmp_path: Path) -> RunsFolder:
    """A folder for run directories."""
    return RunsFolder(tmp_path / "runs")


@pytest.fixture
def executor(project: CommandProject, forker: Forker, runs: RunsFolder) -> Iterator[Executor]:
    """An executor that runs the project's commands; what still runs after the test is ended."""
    yield Executor(forker, runs, project_root=project.root, project_dir=project.root, runtime_url="http://127.0.0.1:1")
    for run in runs.all():
        process = JobProcess(run)
        process.ask_to_stop("stopped_by_user", 0.0)
        process.close()
    wait_until(lambda: not any(run.is_locked() for run in runs.all()), "the shims are gone")
