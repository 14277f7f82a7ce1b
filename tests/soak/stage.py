"""The house that the soak shakes: one runtime, and launchers each with a network and a small disk of its own."""

import contextlib
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from soak.ending import end_all_marked
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.proxy import ChaosProxy
from support.runtime_api import Json
from support.runtime_process import RuntimeProcess

DISK_MIB = 64
REAL, REAL_AGENT = "real", "scripted"
MARK = "LEDGER"
# Below what Linux and macOS give to connections that go out: while a server of ours is down, nobody is given its port.
PORTS = range(20_000, 30_000)


def port_of_our_own() -> int:
    """A free port that stays free while nobody listens on it."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Corner:
    """One launcher with all that is its own."""

    launcher: LauncherProcess
    proxy: ChaosProxy
    has_small_disk: bool


@dataclass(frozen=True)
class Stage:
    """Everything that runs."""

    runtime: RuntimeProcess
    project: Project
    ledger: Ledger
    corners: list[Corner]


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[bool]:
    """Put a disk of its own under a folder; False, if this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={mebibytes}m,mode=0700,uid={os.getuid()}"
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        yield done.returncode == 0
    finally:
        # Asked of the kernel, not remembered: the end may have come between the mount and its answer.
        if folder.is_mount():
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextlib.contextmanager
def stage(folder: Path, launchers: int) -> Iterator[Stage]:
    """Build it, start it, and leave nothing of it behind."""
    project = Project(folder / "project").with_both_commands(REAL)
    mark = {MARK: str(project.ledger_path)}
    runtime = RuntimeProcess(folder / "runtime", environment=mark)
    with ExitStack() as closing:
        # Commands outlive their keeper and their launcher, as they should, and then descend from nobody that we know.
        closing.callback(end_all_marked, *mark.popitem())
        closing.callback(runtime.leave_nothing)
        runtime.port = port_of_our_own()
        runtime.start()
        _add_agent(runtime, project)
        corners = [_corner(folder / f"launcher-{number}", runtime, project, closing) for number in range(launchers)]
        yield Stage(runtime, project, Ledger(project.ledger_path), corners)


def _add_agent(runtime: RuntimeProcess, project: Project) -> None:
    """Make known what the real commands run: the scripted command under another name, as an agent."""
    with contextlib.closing(runtime.api) as api:
        command: list[Json] = [str(project.root / "scripted" / "agent")]
        api.ask(
            "POST", "/agents", {"name": REAL_AGENT, "description": "a soak's", "backend": "command", "command": command}
        )


def _corner(folder: Path, runtime: RuntimeProcess, project: Project, closing: ExitStack) -> Corner:
    proxy = closing.enter_context(ChaosProxy(runtime.port, port_of_our_own()))
    launcher = LauncherProcess(
        folder,
        proxy.url,
        runtime.token,
        script=project.launcher,
        environment={
            MARK: str(project.ledger_path),
            "HEARTBEAT_INTERVAL": "5",
            "AGENT_LAUNCHER_MAX_JOBS": "12",
            "AGENT_LAUNCHER_MEMORY_FLOOR_MIB": "0",
            "AGENT_LAUNCHER_MEMORY_PRESSURE_MAX": "0",
            "AGENT_LAUNCHER_OUTPUT_LIMIT_MIB": "4",
        },
    )
    has_small_disk = closing.enter_context(small_disk(launcher.state_dir, DISK_MIB))
    closing.callback(launcher.leave_nothing)
    launcher.start()
    return Corner(launcher, proxy, has_small_disk)
