"""What fault tests do again and again: order scripted jobs, look at them, and see every promise kept."""

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support import failpoints
from support.checker import assert_promises_held
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import REPOSITORY, Project
from support.runtime_api import JobRow, RuntimeApi
from support.waiting import wait_until

FAILING_LAUNCHER = REPOSITORY / "tests/support/failing_launcher.py"
LONG_PROMPT = '{"out": "said\\n", "exit": 3, "err": "' + "x" * 100_000 + '"}'
SHORT = {"out": "said\n", "exit": 3}


@dataclass
class Bench:
    """A launcher with scripted commands on a runtime; `jobs` are those that were acknowledged here."""

    api: RuntimeApi
    launcher: LauncherProcess
    project: Project
    ledger: Ledger
    numbers: Iterator[int]
    jobs: list[str] = field(default_factory=list)

    @property
    def gate(self) -> Path:
        """Scripts that `await_file` this run until `open_gate`."""
        return self.project.root / "gate"

    def open_gate(self) -> None:
        """Let the waiting commands go on."""
        self.gate.touch()

    def order(self, script: object = None, **fields: object) -> str:
        """Order a scripted job in a session of its own; a string is the prompt as it is."""
        prompt = script if isinstance(script, str) else json.dumps(script or {})
        name = f"s-{next(self.numbers)}"
        job_id = self.api.create_job(name, prompt, **{"project_dir": str(self.project.work), **fields})
        self.jobs.append(job_id)
        return job_id

    def order_waiting(self, **script: object) -> str:
        """Order a job that runs until the gate is opened."""
        return self.order({"await_file": str(self.gate), **script})

    @contextmanager
    def ordered_together(self) -> Iterator[None]:
        """Have the launcher get all that is ordered meanwhile in one answer."""
        (row,) = (row for row in self.api.launchers() if row["status"] == "alive")
        path = f"/launchers/{row['launcher_id']}"
        self.api.ask("POST", f"{path}/drain")
        yield
        self.api.ask("POST", f"{path}/resume")

    def wait_until_runs(self, *job_ids: str) -> None:
        """Wait until these jobs' commands have begun."""
        wait_until(lambda: all(self.ledger.started(job_id) for job_id in job_ids), f"{len(job_ids)} commands run")

    def end_of(self, job_id: str) -> JobRow:
        """Wait for a job's end."""
        return self.api.wait_for_end(job_id)

    def log_of(self, job_id: str, offset: int = 0) -> bytes:
        """The output as the runtime has it."""
        return self.api.http.get(f"/jobs/{job_id}/log", params={"offset": offset}).content

    def wait_for_log(self, job_id: str, expected: bytes) -> None:
        """Wait until the runtime has the whole output, byte for byte."""
        wait_until(lambda: self.log_of(job_id) == expected, f"the log of {job_id} is complete")

    def start_to_fail(self, points: str) -> None:
        """Start the launcher with failpoints, whose counts begin anew."""
        folder = Path(tempfile.mkdtemp(prefix="failpoints-", dir=self.project.root))
        self.launcher.script = FAILING_LAUNCHER
        self.launcher.environment |= {
            failpoints.VARIABLE: points,
            failpoints.FOLDER_VARIABLE: str(folder),
            failpoints.LAUNCHER_VARIABLE: str(self.project.launcher.parent),
        }
        self.launcher.start(wait_registered=False)

    def start_well(self) -> None:
        """Start the launcher without failpoints."""
        self.launcher.script = self.project.launcher
        self.launcher.environment.pop(failpoints.VARIABLE, None)
        self.launcher.start()

    def assert_reached(self, point: str) -> None:
        """Wait until what was to happen at a point has had its time."""
        folder = Path(self.launcher.environment[failpoints.FOLDER_VARIABLE])
        wait_until((folder / point).exists, f"it comes to {point}")

    def assert_its_end_comes_to_it(self, point: str) -> None:
        """Wait for the launcher's death at a point."""
        assert self.launcher.wait(60) == -signal.SIGKILL, f"it never came to {point}:\n{self.launcher.log()}"

    def assert_promises_held(self) -> None:
        """Check promises 1 to 7 for every job that was ordered here."""
        assert_promises_held(self.api, self.ledger, self.jobs)
