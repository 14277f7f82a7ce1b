"""What a command left about its end is read, or read later; it is not taken for nothing for want of a descriptor."""

import errno
import os
from pathlib import Path

import pytest

from lib.attempt.folder import RunFolder, RunFolders
from lib.machine.disk import Disk


class FailingDisk(Disk):
    """A disk of which every reading fails in one way."""

    def __init__(self, number: int) -> None:
        self._number = number

    def read(self, path: Path) -> bytes:
        raise OSError(self._number, os.strerror(self._number), str(path))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_an_outcome_that_cannot_be_read_at_the_moment_is_not_taken_for_none(tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)):
        RunFolder(tmp_path / "job_1.1", FailingDisk(number)).read_outcome()


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ELOOP, errno.EACCES])
def test_an_outcome_that_is_none_of_ours_is_none(tmp_path: Path, number: int) -> None:
    assert RunFolder(tmp_path / "job_1.1", FailingDisk(number)).read_outcome() == {}


def test_output_that_was_just_written_keeps_a_folder_that_is_old(tmp_path: Path) -> None:
    written, old = tmp_path / "job_1.1", tmp_path / "job_2.1"
    for folder in (written, old):
        folder.mkdir()
        (folder / "output.log").touch()
        os.utime(folder, (0.0, 0.0))
    os.utime(old / "output.log", (0.0, 0.0))

    deleted = RunFolders(tmp_path, Disk()).delete_older(1000.0, set)

    assert (deleted, [path.name for path in tmp_path.iterdir()]) == (1, ["job_1.1"])
