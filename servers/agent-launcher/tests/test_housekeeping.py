"""Run folders go when nobody needs them: after a day, or at once when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from launcher_rig.attempts import job
from launcher_rig.machines import SmallDisk

from lib.attempt.folder import RunFolders
from lib.attempt.housekeeping import KEEP_SECONDS, PACE_SECONDS, PACE_WHEN_FULL_SECONDS, keep_house
from lib.machine.machine import Machine

ROOMY, FULL = 1 << 40, 0


class OtherTime(Machine):
    """A machine whose clock and disk are a test's."""

    def __init__(self, free: int, later_seconds: float = 0.0) -> None:
        super().__init__()
        self.disk = SmallDisk(free)
        self._later_seconds = later_seconds

    def wall_time(self) -> float:
        return super().wall_time() + self._later_seconds


class Rig:
    """Two run folders, of which one is in use."""

    def __init__(self, path: Path) -> None:
        self.folders = RunFolders(path, Machine().disk)
        self.delivered, self.running = (self.folders.of(job("s", name)).path for name in ("job_1", "job_2"))
        for folder in (self.delivered, self.running):
            folder.mkdir(parents=True)
            (folder / "output.log").write_text("x")
        self.in_use = {"job_2.1"}

    def keep(self, machine: Machine) -> tuple[bool, bool, float]:
        """Keep house once, and say which of the two are still there, and when it looks again."""
        pace = keep_house(self.folders, lambda: self.in_use, machine)
        return self.delivered.exists(), self.running.exists(), pace


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "runs")


def test_what_was_delivered_goes_after_a_day_and_nothing_else(rig: Rig) -> None:
    assert rig.keep(OtherTime(ROOMY, KEEP_SECONDS - 60)) == (True, True, PACE_SECONDS)

    assert rig.keep(OtherTime(ROOMY, KEEP_SECONDS + 60)) == (False, True, PACE_SECONDS)


def test_on_a_full_disk_what_was_delivered_goes_at_once_and_nothing_else(rig: Rig) -> None:
    assert rig.keep(OtherTime(FULL, 1.0)) == (False, True, PACE_WHEN_FULL_SECONDS)


def test_a_folder_that_is_just_being_made_is_left_alone(rig: Rig) -> None:
    (rig.folders.path / "job_3.1").mkdir()
    rig.in_use |= {"job_3.1"}  # an attempt is in the table before it has a folder

    rig.keep(OtherTime(FULL, KEEP_SECONDS + 60))

    assert (rig.folders.path / "job_3.1").exists()
    assert not rig.delivered.exists()


def test_who_is_in_use_is_asked_after_the_folders_were_listed(rig: Rig) -> None:
    """A folder that is made between the two questions would be deleted under its attempt."""
    late = rig.folders.path / "job_3.1"

    def in_use() -> set[str]:
        late.mkdir()
        os.utime(late, (1, 1))
        return set()

    keep_house(rig.folders, in_use, OtherTime(ROOMY))

    assert late.exists()
