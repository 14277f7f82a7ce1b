"""What a command left about its end is read, or read later; it is not taken for nothing for want of a descriptor."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from launcher_rig.attempts import job
from launcher_rig.machines import SmallDisk

from lib.attempt.folder import RunFolder, RunFolders
from lib.attempt.report import report_of
from lib.machine.disk import Disk


class FailingDisk(Disk):
    """A disk of which every reading fails in one way."""

    def __init__(self, number: int) -> None:
        self._number = number

    def read_piece(self, path: Path, offset: int, count: int) -> bytes:  # noqa: ARG002 - as the disk has it
        raise OSError(self._number, os.strerror(self._number), str(path))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_an_outcome_that_cannot_be_read_at_the_moment_is_not_taken_for_none(tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)):
        RunFolder(tmp_path / "job_1.1", FailingDisk(number)).read_outcome()


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ELOOP, errno.EACCES])
def test_an_outcome_that_is_none_of_ours_is_none(tmp_path: Path, number: int) -> None:
    assert RunFolder(tmp_path / "job_1.1", FailingDisk(number)).read_outcome() == {}


def a_pipe_that_nobody_writes_to(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_file_without_end(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'{"error": "')
        file.truncate(1 << 40)


@pytest.mark.parametrize("put", [a_pipe_that_nobody_writes_to, a_folder, a_file_without_end])
def test_what_is_no_note_is_none_and_holds_nobody_up(tmp_path: Path, put: Callable[[Path], None]) -> None:
    folder = RunFolder(tmp_path, Disk())
    put(folder.outcome_path)

    assert folder.read_outcome() == {}


def test_output_that_was_just_written_keeps_a_folder_that_is_old(tmp_path: Path) -> None:
    written, old = tmp_path / "job_1.1", tmp_path / "job_2.1"
    for folder in (written, old):
        folder.mkdir()
        (folder / "output.log").touch()
        os.utime(folder, (0.0, 0.0))
    os.utime(old / "output.log", (0.0, 0.0))

    deleted = RunFolders(tmp_path, Disk()).delete_older(1000.0, set)

    assert (deleted, [path.name for path in tmp_path.iterdir()]) == (1, ["job_1.1"])


@pytest.mark.parametrize(
    ("note", "free", "told"),
    [
        ('{"ending": null}', 0, ("completed", "exit_status_only", "the disk is full")),
        ("", 0, ("completed", "exit_status_only", "the disk is full")),
        ('{"ending": null}', 1 << 30, ("failed", "unwitnessed", None)),
        ('{"ending": "failed", "reason": "empty_result"}', 0, ("failed", "empty_result", None)),
    ],
)
def test_a_first_note_says_nothing_only_where_the_last_one_could_not_be_written(
    tmp_path: Path, note: str, free: int, told: tuple[str, str, str | None]
) -> None:
    folder = RunFolder(tmp_path, SmallDisk(free))
    folder.outcome_path.write_text(note, encoding="utf-8")

    report = report_of(job("s"), folder, {"exit_code": 0})

    assert (report.outcome, report.reason, report.unwritten) == told


@pytest.mark.parametrize("told", ["1969-12-31T23:59:55+00:00", "9999-12-31T23:59:59+00:00", "soon", None, 7])
def test_a_limits_time_that_can_be_none_is_left_out(tmp_path: Path, told: str | int | None) -> None:
    folder = RunFolder(tmp_path, Disk())
    note = {"ending": "failed", "reason": "rate_limited", "limit": {"name": "a limit", "retry_at": told}}
    folder.outcome_path.write_text(json.dumps(note), encoding="utf-8")

    limit = report_of(job("s"), folder, {"exit_code": 1}).limit

    assert limit == {"name": "a limit", "retry_at": None, "is_of_model": False}
