"""A real launcher process on a fake or real runtime, to start, hurt and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from launcher_rig.commands import CommandProject
from lib.run_directory import RunsFolder
from support.waiting import wait_until

LAUNCHER_FOLDER = Path(__file__).resolve().parents[2]


class LauncherUnderTest:
    """Copies the launcher into a project, so that it finds that project's commands; its log is kept."""

    def __init__(self, project: CommandProject, runtime_url: str) -> None:
        self.project = project
        self.runtime_url = runtime_url
        self.state_dir = project.root / "state"
        self.log_path = project.root / "launcher.log"
        self.script = project.root / "servers" / "agent-launcher" / "agent-launcher"
        self._process: subprocess.Popen[bytes] | None = None
        self.script.parent.mkdir(parents=True)
        shutil.copy(LAUNCHER_FOLDER / "agent-launcher", self.script)
        shutil.copytree(LAUNCHER_FOLDER / "lib", self.script.parent / "lib", ignore=shutil.ignore_patterns("*.pyc.*"))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> Path:
        return self.state_dir / "runs"

    def start(self, *flags: str, **environment: str) -> LauncherUnderTest:
        """Begin a life of this launcher and wait until it is registered or gone."""
        before = self.log().count("registered launcher_id")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(self.script), "--state-dir", str(self.state_dir), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.project.root,
                env=self.environment() | environment,
                start_new_session=True,
            )
        process = self._process
        wait_until(
            lambda: process.poll() is not None or self.log().count("registered launcher_id") > before,
            "the launcher is registered or gone",
        )
        return self

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, as the machine or an impatient person would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait for this life to end and return its exit code."""
        assert self._process is not None
        return self._process.wait(60)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def shims(self) -> list[int]:
        """The processes that hold a run directory's lock, as the directories tell."""

        identities = [run.shim_identity() for run in RunsFolder(self.runs).all() if run.is_locked()]
        return [identity.pid for identity in identities if identity is not None]

    def leave_nothing(self) -> None:
        """End this life and everything that any life of it started."""
        if self.is_alive():
            self.kill()
        for pid in (*self.shims(), *self.project.pids()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def environment(self) -> dict[str, str]:
        """What a life of it finds in its environment: nothing of the launcher that may run these tests."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "POLL_", "HEARTBEAT_"))
        }
        return own | {
            "HOME": str(self.project.root),
            "XDG_DATA_HOME": str(self.project.root / "data"),
            "AGENT_RUNTIME_URL": self.runtime_url,
            "PYTHONUNBUFFERED": "1",
        }
