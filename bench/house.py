"""A runtime and a launcher of their own for one measurement, with the tiny program as `ao-start` or as the agent."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.marks import Marks
from bench.raw_http import CompletionWatch, Connection
from support.agents import add_program
from support.launcher_process import LauncherProcess
from support.project import REPOSITORY, Project
from support.runtime_api import JsonObject
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

    def order(self, name: str, prompt: str = "go", agent: str = "echo") -> dict[str, object]:
        """The body of a job's creation."""
        return {"type": "start_session", "session_name": name, "agent_name": agent, "prompt": prompt,
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
    """Start everything with the tiny program as `ao-start`, and leave nothing but its folder."""
    folder = Path(tempfile.mkdtemp(prefix="house-"))
    project = Project(folder / "project")
    program = _built(project.commands / "ao-start")
    with _lived_in(folder, project.launcher, program, {}) as started:
        yield started


@contextlib.contextmanager
def real_house(environment: Mapping[str, str] | None = None) -> Iterator[House]:
    """Start everything with the real commands, the tiny program as the agents `marks` and `holds`; leave its folder.

    Shape:   `environment` is added to what the launcher hands on to its agents.
    """
    folder = Path(tempfile.mkdtemp(prefix="house-"))
    program = _built(folder / "bench-agent")
    launcher = REPOSITORY / "servers/agent-launcher/agent-launcher"
    with _lived_in(folder, launcher, program, environment or {}) as started:
        silent: JsonObject = {"allow_empty_result": True}
        add_program(started.runtime.api, "marks", str(program), options=silent)
        add_program(started.runtime.api, "holds", str(program), "--prompt", "hold", options=silent)
        yield started


@contextlib.contextmanager
def _lived_in(folder: Path, script: Path, program: Path, environment: Mapping[str, str]) -> Iterator[House]:
    marks, gate = Marks(folder / "marks"), folder / "gate"
    os.mkfifo(gate)
    runtime = RuntimeProcess(folder / "runtime")
    runtime.start()
    own = {"BENCH_MARKS": str(marks.path), "BENCH_GATE": str(gate), **environment}
    launcher = LauncherProcess(folder / "launcher", runtime.url, runtime.token, script=script, environment=own)
    try:
        launcher.start()
        yield House(folder, program, runtime, launcher, marks, gate)
    finally:
        launcher.leave_nothing()
        runtime.leave_nothing()


def _built(target: Path) -> Path:
    subprocess.run(["cc", "-O2", "-o", str(target), str(SOURCE)], check=True)
    return target
