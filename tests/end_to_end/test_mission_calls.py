"""Who knows only the calls of the first document works with us, whichever side it is on."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.launcher_process import LauncherProcess
from support.mission_runtime import MissionRuntime, mission_runtime
from support.process import ProcessUnderTest
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

SCRIPT = Path(__file__).parents[1] / "support/mission_launcher.py"
UNDELIVERED = "are not delivered yet"


@pytest.fixture
def plain() -> Iterator[MissionRuntime]:
    """A runtime that knows the first calls only."""
    with mission_runtime() as runtime:
        yield runtime


@pytest.fixture
def ours(plain: MissionRuntime, project: Project, tmp_path: Path) -> Iterator[LauncherProcess]:
    """Our launcher at such a runtime."""
    environment = {"LEDGER": str(project.ledger_path), "HEARTBEAT_INTERVAL": "1"}
    process = LauncherProcess(tmp_path / "launcher", plain.url, "t", script=project.launcher, environment=environment)
    yield process.start()
    process.leave_nothing()


def test_a_runtime_that_knows_only_the_first_calls_gets_them_and_lets_go_of_what_ended(
    plain: MissionRuntime, ours: LauncherProcess, project: Project
) -> None:
    for job_id, script in (("job_good", {"out": "said\n"}), ("job_bad", {"exit": 3, "err": "no\n"})):
        plain.give(job_id, json.dumps(script), str(project.work))
    wait_until(lambda: len(plain.told("job_good") + plain.told("job_bad")) == 4, "both are begun and ended")

    assert ours.stop() == 0

    assert plain.told("job_good") == ["started", "completed"]
    assert plain.told("job_bad") == ["started", "failed"]
    assert plain.others == []
    assert UNDELIVERED not in ours.log()
    assert "trying again" not in ours.log()


def test_a_claim_that_cannot_be_given_back_is_failed_with_the_reason(
    plain: MissionRuntime, ours: LauncherProcess
) -> None:
    plain.give("job_nowhere", "{}", "/there/is/no/such/folder")

    wait_until(lambda: "failed" in plain.told("job_nowhere"), "its end is told")

    assert "no such folder" in str([body.get("error") for job, verb, body in plain.reports if verb == "failed"])
    assert ours.is_alive


def test_a_runtime_that_forgot_us_is_registered_with_anew_and_gives_jobs(
    plain: MissionRuntime, ours: LauncherProcess, project: Project
) -> None:
    gate = project.root / "gate"
    plain.give("job_forgotten", json.dumps({"await_file": str(gate)}), str(project.work))
    wait_until(lambda: plain.told("job_forgotten") == ["started"], "it runs")

    plain.forget()
    gate.touch()
    plain.give("job_after", "{}", str(project.work))

    wait_until(lambda: plain.told("job_after") == ["started", "completed"], "a job of the new life ran")
    assert plain.registrations >= 2
    assert ours.stop() == 0
    # Nobody knows the other one any more, so nobody is told of it for ever.
    assert UNDELIVERED not in ours.log()


def test_a_launcher_that_knows_only_the_first_fields_runs_jobs_and_hears_nothing_that_it_does_not_know(
    runtime: RuntimeProcess, api: RuntimeApi, project: Project, tmp_path: Path
) -> None:
    gate = project.root / "gate"
    launcher = ProcessUnderTest("mission-launcher", tmp_path / "mission.log")
    environment = {**os.environ, "AGENT_RUNTIME_TOKEN": runtime.token, "LEDGER": str(project.ledger_path)}
    launcher.spawn([sys.executable, str(SCRIPT), runtime.url, str(project.commands)], environment, tmp_path)
    try:
        long = api.create_job("long", json.dumps({"await_file": str(gate)}))
        launcher.wait_for_line(f"began {long}")

        api.stop_job(long)
        after = [api.create_job(f"after-{number}", json.dumps({"exit": number})) for number in (0, 1)]
        ends = [api.wait_for_end(job_id)["status"] for job_id in after]
        gate.touch()

        assert ends == ["completed", "failed"]
        assert api.wait_for_end(long)["status"] == "completed"
        assert launcher.is_alive, launcher.log()
    finally:
        launcher.leave_nothing()
