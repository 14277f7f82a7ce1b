"""A real launcher process on a fake or real runtime, to start, hurt and start again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from launcher_rig.cgroups import end_cgroup
from launcher_rig.commands import CommandProject
from launcher_rig.made_up_host import MadeUpDisk
from lib.keeper.held import remember
from lib.keeper.journal import Journal
from lib.keeper.words import JOURNAL_FILE, LOCK_FILE
from support.waiting import wait_until

LAUNCHER_FOLDER = Path(__file__).resolve().parents[2]


def is_locked(path: Path) -> bool:
    """Say whether a living process holds the lock of a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def end_processes(pids: list[int]) -> None:
    """SIGKILL those that live."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


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

    @property
    def keepers_folder(self) -> Path:
        return self.state_dir / "keepers"

    def keepers(self) -> list[int]:
        """The keepers that live, as their locks tell."""
        locks = sorted(self.keepers_folder.glob(f"*/{LOCK_FILE}"))
        pids = [lock.read_text("ascii") for lock in locks if is_locked(lock)]
        return [int(pid) for pid in pids if pid]  # one that has only just come has not written it yet

    @property
    def journal(self) -> Path:
        """The journal of the only keeper there is."""
        (folder,) = self.keepers_folder.iterdir()
        return folder / JOURNAL_FILE

    def held(self) -> list[str]:
        """The attempts that the keepers' journals have and that are not acknowledged."""
        journals = self.keepers_folder.glob(f"*/{JOURNAL_FILE}")
        return [key for path in journals for key in remember(Journal(MadeUpDisk(path.read_bytes())).read())]

    def kill_keepers(self) -> None:
        """SIGKILL every keeper, as the kernel would for memory."""
        for pid in self.keepers():
            os.kill(pid, signal.SIGKILL)

    def leave_nothing(self) -> None:
        """End this life and everything that any life of it started."""
        if self.is_alive():
            self.kill()
        self.kill_keepers()
        for folder in self.keepers_folder.glob("*"):
            end_cgroup(f"agent-launcher.{folder.stat().st_dev:x}-{folder.stat().st_ino:x}")
        end_processes(self.project.pids())

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
