"""A real Agent Launcher with a state folder of its own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from support.keeper_folders import KeeperFolders
from support.process import ProcessUnderTest
from support.project import REPOSITORY


class LauncherProcess(ProcessUnderTest):
    """`agent-launcher` run by this Python; its state folder outlives each of its lives.

    Shape:   `prefix` is a command that becomes it.
    """

    def __init__(
        self,
        folder: Path,
        runtime_url: str,
        token: str,
        *,
        script: Path = REPOSITORY / "servers/agent-launcher/agent-launcher",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("agent-launcher", folder / "launcher.log")
        self.folder = folder
        self.state_dir = folder / "state"
        self.script = script
        self.runtime_url = runtime_url
        self.token = token
        self.environment = dict(environment or {})
        self.prefix: list[str] = []
        self._state_dirs: set[Path] = set()

    @property
    def keepers(self) -> KeeperFolders:
        """Its keepers, which may outlive it."""
        return KeeperFolders(self.state_dir)

    @property
    def runs_dir(self) -> Path:
        """Where each attempt has its folder."""
        return self.state_dir / "runs"

    def start(self, *flags: str, wait_registered: bool = True) -> "LauncherProcess":
        """Begin a life, and wait until the runtime knows it."""
        command, environment = self.command_line(*flags)
        self.spawn(command, environment, self.folder)
        if wait_registered:
            self.wait_for_line("registered")
        return self

    def command_line(self, *flags: str) -> tuple[list[str], dict[str, str]]:
        """What is run, and with which environment, for tests that run it their own way."""
        self._state_dirs.add(self.state_dir)
        command = [*self.prefix, sys.executable, str(self.script), "--state-dir", str(self.state_dir), *flags]
        return command, self._environment()

    def leave_nothing(self) -> None:
        """Kill it, its keepers in every state folder that it had, and all that they let run."""
        if self.is_alive:
            # First, as it would begin a new keeper.
            self.kill()
        super().leave_nothing()
        for state_dir in self._state_dirs:
            KeeperFolders(state_dir).leave_nothing()

    def _environment(self) -> dict[str, str]:
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "POLL_", "HEARTBEAT_"))
        }
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **own,
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / ".local/state"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "AGENT_RUNTIME_URL": self.runtime_url,
            "AGENT_RUNTIME_TOKEN": self.token,
            "PYTHONUNBUFFERED": "1",
            # To look for clients costs a second of processor time at each start; a test of that asks for it.
            "AGENT_LAUNCHER_CLIENTS_EVERY": "0",
            **self.environment,
        }
