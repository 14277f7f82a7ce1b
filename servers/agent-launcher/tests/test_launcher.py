"""The main flow of a launcher process, from its start to its goodbye."""

from __future__ import annotations

from launcher_rig.fake_runtime import FakeRuntime
from launcher_rig.launcher_under_test import LauncherUnderTest

from support.waiting import wait_until


def test_a_job_is_picked_up_run_and_reported(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start()
    job = fake.jobs.add("job_1", "exit-0")

    wait_until(lambda: job.status == "completed", "the job is completed")
    assert job.moves == ["claimed", "running", "completed"]
    assert job.reports[0][1]["exit_code"] == 0
    assert bytes(job.log) == b"last words\n"
