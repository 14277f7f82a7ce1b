"""What fault tests do again and again: order scripted jobs, look at them, and see every promise kept."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.checker import assert_promises_held
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import JobRow, RuntimeApi
from support.waiting import wait_until

FAILPOINTS = "AGENT_LAUNCHER_FAILPOINTS"
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
        """Start the launcher with failpoints."""
        self.launcher.environment[FAILPOINTS] = points
        self.launcher.start(wait_registered=False)

    def start_well(self) -> None:
        """Start the launcher without failpoints."""
        self.launcher.environment.pop(FAILPOINTS, None)
        self.launcher.start()

    def assert_a_kill_harms_nothing(self, step: str) -> None:
        """Kill the launcher at a step of a job's life: its next life loses nothing and runs nothing twice."""
        job_id = self.order(LONG_PROMPT if "prompt" in step else SHORT)

        self.start_to_fail(f"{step}=1*kill")
        assert self.launcher.wait(60) == -signal.SIGKILL, f"it never came to {step}:\n{self.launcher.log()}"
        self.start_well()
        ended = self.end_of(job_id)

        assert (ended["status"], ended["exit_code"], len(self.ledger.runs_of(job_id))) == ("failed", 3, 1)
        self.assert_promises_held()

    def assert_promises_held(self) -> None:
        """Check promises 1 to 7 for every job that was ordered here."""
        assert_promises_held(self.api, self.ledger, self.jobs)
