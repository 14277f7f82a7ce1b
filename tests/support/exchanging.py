"""Two names in a folder that are exchanged again and again, so that whoever goes by a name comes to either."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

AT_FDCWD, RENAME_EXCHANGE = -100, 2
EVERY_SECONDS = 0.0007


@contextmanager
def exchanged(one: Path, other: Path, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Exchange two names all the time."""
    over = threading.Event()
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    names = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    if renameat2(*names) != 0:
        pytest.skip("this system cannot exchange two names")

    def go_on() -> None:
        while not over.wait(every_seconds):
            assert renameat2(*names) == 0

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
