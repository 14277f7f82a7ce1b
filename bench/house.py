"""A runtime and a launcher of their own for one measurement, with the tiny program in place of `ao-start`."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.marks import Marks
from bench.raw_http import CompletionWatch, Connection
from support.launcher_process import LauncherProcess
from support.project import Project
from support.runtime_process import RuntimeProcess

SOURCE = Path(__file__).with_name("tiny_agent.c")


@dataclass(frozen=True)
class House:
    """What a measurement works with."""

    folder: Path
    program: Path
    runtime: RuntimeProcess
    launcher: LauncherProcess
    marks: Marks
    gate: Path

    def connect(self) -> Connection:
        """A client's connection."""
        return Connection(self.runtime.port, self.runtime.token)

    def watch(self) -> CompletionWatch:
        """A client that sees jobs end."""
        return CompletionWatch(self.runtime.port, self.runtime.token)

    def order(self, name: str, prompt: str = "go") -> dict[str, object]:
        """The body of a job's creation."""
        return {"type": "start_session", "session_name": name, "agent_name": "echo", "prompt": prompt,
                "project_dir": str(self.folder)}  # fmt: skip

    def open_gate(self) -> None:
        """Let every program that holds end."""
        with self.gate.open("wb"):
            pass

    def processes_of_launcher(self) -> list[psutil.Process]:
        """The launcher and all that descends from it, without the programs that it was asked to run."""
        root = psutil.Process(self.launcher.pid)
        return [root, *(child for child in root.children(recursive=True) if child.name() != self.program.name)]


@contextlib.contextmanager
def house() -> Iterator[House]:
    """Start everything, and leave nothing."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        project = Project(folder / "project")
        program = _put_tiny_agent(project)
        marks, gate = Marks(folder / "marks"), folder / "gate"
        os.mkfifo(gate)
        runtime = RuntimeProcess(folder / "runtime")
        runtime.start()
        environment = {"BENCH_MARKS": str(marks.path), "BENCH_GATE": str(gate)}
        launcher = LauncherProcess(
            folder / "launcher", runtime.url, runtime.token, script=project.launcher, environment=environment
        )
        try:
            launcher.start()
            yield House(folder, program, runtime, launcher, marks, gate)
        finally:
            launcher.leave_nothing()
            runtime.leave_nothing()


def _put_tiny_agent(project: Project) -> Path:
    target = project.commands / "ao-start"
    subprocess.run(["cc", "-O2", "-o", str(target), str(SOURCE)], check=True)
    return target
