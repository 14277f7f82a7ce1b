"""A launcher says what it can run: a job for what is not there waits and says so, and runs once it is installed."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

CODEX = "#!/bin/sh\necho codex-cli 9.8.7\n"


@dataclass(frozen=True)
class Machine:
    """A launcher that looks for clients, and the folder of its PATH where they are installed."""

    programs: Path
    launcher: LauncherProcess

    def install(self, name: str, script: str) -> None:
        """Put a program there, and tell the launcher to look."""
        file = self.programs / name
        file.write_text(script)
        file.chmod(0o755)
        self.launcher.signal(signal.SIGUSR1)


@pytest.fixture
def machine(runtime: RuntimeProcess, tmp_path: Path) -> Iterator[Machine]:
    programs = tmp_path / "programs"
    programs.mkdir()
    environment = {"AGENT_LAUNCHER_CLIENTS_EVERY": "86400", "PATH": f"{programs}:/usr/bin:/bin", "AGENT_HOST_NAME": "x"}
    launcher = LauncherProcess(tmp_path / "launcher", runtime.url, runtime.token, environment=environment)
    try:
        yield Machine(programs, launcher.start())
    finally:
        launcher.leave_nothing()


def test_a_job_waits_for_its_client_says_where_it_is_missing_and_runs_once_it_is_installed(
    api: RuntimeApi, machine: Machine
) -> None:
    job_id = api.create_job("needs-codex", agent_name="codex")

    def says_where() -> bool:
        job = api.job(job_id)
        return job["reason"] == "no_client" and "on x it is not installed" in (job["reason_detail"] or "")

    wait_until(says_where, "the job says where its client is missing")
    machine.install("codex", CODEX)
    api.wait_for_status(job_id, "running", "completed", "failed")

    (launcher,) = api.launchers()
    found = {one["client"]: one["version"] for one in launcher["clients"]}
    assert found["codex"] == "codex-cli 9.8.7"
