"""Run directories go when nobody needs them: after a day, or at once when the disk is full."""

from __future__ import annotations

from pathlib import Path

from launcher_rig.shims import job
from lib.disk import Disk
from lib.housekeeping import KEEP_ACKED_SECONDS, Housekeeping
from lib.run_directory import RunsFolder

from lib.machine import Machine


class SmallDisk(Disk):
    """A disk that says how much of it is free."""

    def __init__(self, free: int) -> None:
        self.free = free

    def free_bytes(self, path: Path) -> int:  # noqa: ARG002  (any folder of it)
        return self.free


class OtherTime(Machine):
    """A machine whose clock and disk are a test's."""

    def __init__(self, free: int, later_seconds: float = 0.0) -> None:
        super().__init__()
        self.disk = SmallDisk(free)
        self._later_seconds = later_seconds

    def wall_time(self) -> float:
        return super().wall_time() + self._later_seconds


def acked_and_not(runs: RunsFolder) -> tuple[Path, Path]:
    """Two run directories, of which one is acknowledged."""
    acked, running = runs.directory_for(job("s", "job_1")), runs.directory_for(job("s", "job_2"))
    for run in (acked, running):
        run.write_order({}, None)
    acked.mark_acked("reported")
    return acked.path, running.path


def test_what_was_acknowledged_goes_after_a_day_and_nothing_else(runs: RunsFolder) -> None:
    acked, running = acked_and_not(runs)
    Housekeeping(runs, OtherTime(1 << 40)).step()
    assert acked.exists()

    Housekeeping(runs, OtherTime(1 << 40, KEEP_ACKED_SECONDS + 60)).step()

    assert (acked.exists(), running.exists()) == (False, True)


def test_on_a_full_disk_what_was_acknowledged_goes_at_once_and_nothing_else(runs: RunsFolder) -> None:
    acked, running = acked_and_not(runs)

    Housekeeping(runs, OtherTime(0, 1.0)).step()

    assert (acked.exists(), running.exists()) == (False, True)


def test_a_folder_that_is_just_being_made_is_left_alone(runs: RunsFolder) -> None:
    half_made = runs.path / "job_3.1"
    half_made.mkdir(parents=True)

    Housekeeping(runs, OtherTime(0, KEEP_ACKED_SECONDS + 60)).step()

    assert half_made.exists()
