"""A real Agent Runtime: its own data folder, a free port that it keeps over restarts."""

import os
import re
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.process import ProcessUnderTest
from support.runtime_api import RuntimeApi
from support.waiting import wait_until

PROGRAM = Path(sys.executable).with_name("agent-runtime")
READY = re.compile(r"ready at https?://[\w.\-\[\]]+:(\d+)")

ONE_PAGE = 4096
"""The longest file that a process may be left with: its log goes on for a while, and its database takes nothing."""


class RuntimeProcess(ProcessUnderTest):
    """`agent-runtime` on a port of its own; what it remembers lies in `data_dir` through all its lives."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        database_url: str | None = None,
        program: Sequence[str] = (str(PROGRAM),),
    ) -> None:
        super().__init__("agent-runtime", folder / "runtime.log")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = 0
        self.program = program
        self.environment = dict(environment or {})
        if database_url is not None:
            self.environment["AGENT_RUNTIME_DATABASE_URL"] = database_url

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The user's token, as the runtime wrote it at its first start."""
        return (self.data_dir / "token").read_text(encoding="utf-8").strip()

    @property
    def api(self) -> RuntimeApi:
        """A client with the user's token."""
        return RuntimeApi(self.url, self.token)

    def start(self, *flags: str) -> "RuntimeProcess":
        """Begin a life, and wait until it answers."""
        command = [
            *self.program,
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--data-dir",
            str(self.data_dir),
            *flags,
        ]
        self.spawn(command, self._environment(), self.folder)
        self.port = wait_until(self._announced_port, "agent-runtime names its address")
        return self

    def restart(self, *flags: str) -> "RuntimeProcess":
        """End it kindly and start it again on the same port and data."""
        self.stop()
        return self.start(*flags)

    def _announced_port(self) -> int | None:
        assert self.is_alive, f"agent-runtime ended at its start:\n{self.log()}"
        found = READY.search(self.said())
        return int(found[1]) if found else None

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "LAUNCHER_"))}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {**own, "HOME": str(home), "XDG_DATA_HOME": str(home / ".local/share"), **self.environment}


def limit_files(process: RuntimeProcess, most_bytes: int) -> None:
    """Let each write of a running process behind so many bytes of a file fail, as a broken disk would."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
