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

from soak.ending import end_all_living, end_all_marked
from support.agents import add_program
from support.command_watch import CommandWatch, watched
from support.exchanging import exchanged
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.proxy import ChaosProxy
from support.runtime_process import RuntimeProcess

DISK_MIB = 64
AGENT = "witness"
OUTPUT_LIMIT_MIB = 4
MARK = "LEDGER"
MOVING, LINK, OUTSIDE = "moving", "link", "outside"
# Often enough to come between any two steps, and seldom enough to leave the machine to those who work.
EXCHANGED_EVERY_SECONDS = 0.01
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
    """Everything that runs.

    Shape:   `moving` is a folder that is exchanged with a link out of the project's all the time.
    """

    runtime: RuntimeProcess
    project: Project
    ledger: Ledger
    watch: CommandWatch
    corners: list[Corner]

    @property
    def moving(self) -> Path:
        """Where a job finds its folder, or a link out of all folders that it may work in."""
        return self.project.work / MOVING


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
    project = Project(folder / "project").with_witnessed_commands()
    ledger = Ledger(project.ledger_path)
    mark = {MARK: str(project.ledger_path)}
    runtime = RuntimeProcess(folder / "runtime", environment=mark)
    with ExitStack() as closing:
        # Commands outlive their keeper and their launcher, as they should, and then descend from nobody that we know.
        closing.callback(end_all_marked, *mark.popitem())
        closing.callback(end_all_living, ledger)
        closing.callback(runtime.leave_nothing)
        runtime.port = port_of_our_own()
        runtime.start()
        with contextlib.closing(runtime.api) as api:
            add_program(api, AGENT, str(project.agent))
        closing.enter_context(_moving_folder(project.work, folder))
        watch = closing.enter_context(watched(ledger))
        corners = [_corner(folder / f"launcher-{number}", runtime, project, closing) for number in range(launchers)]
        yield Stage(runtime, project, ledger, watch, corners)


@contextlib.contextmanager
def _moving_folder(work: Path, folder: Path) -> Iterator[None]:
    (folder / OUTSIDE).mkdir()
    (work / MOVING).mkdir()
    (work / LINK).symlink_to(folder / OUTSIDE)
    with exchanged(work / MOVING, work / LINK, EXCHANGED_EVERY_SECONDS):
        yield


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
            "AGENT_LAUNCHER_OUTPUT_LIMIT_MIB": str(OUTPUT_LIMIT_MIB),
            "AGENT_LAUNCHER_PROJECT_ROOTS": str(project.work),
        },
    )
    has_small_disk = closing.enter_context(small_disk(launcher.state_dir, DISK_MIB))
    closing.callback(launcher.leave_nothing)
    launcher.start()
    return Corner(launcher, proxy, has_small_disk)
