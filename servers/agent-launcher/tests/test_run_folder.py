"""What a command left about its end is read, or read later; it is not taken for nothing for want of a descriptor."""

import errno
import os
from pathlib import Path

import pytest

from lib.attempt.folder import RunFolder
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
