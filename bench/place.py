"""What the disk costs on which a measurement lives: it decides about a short job as much as we do.

ext4 looks for a free inode past all that were deleted within the last minutes, so that a new file costs a hundred times
as much beside something that deletes thousands: the measurement before this one, for example.
"""

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TIMES = 50


@contextlib.contextmanager
def kept_to_the_end() -> Iterator[None]:
    """Have what measurements make below one folder, which is deleted behind the last of them."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def describe() -> str:
    """Say where measurements live, and what a new folder with two files and a synced record cost there."""
    folder = Path(tempfile.mkdtemp(prefix="place-"))
    new = _middle_ms(lambda number: _make(folder / f"{number}"))
    with (folder / "records").open("ab", buffering=0) as records:
        synced = _middle_ms(lambda _: _append(records.fileno()))
    costs = f"a new folder with two files {new:.2f} ms, a synced record {synced:.2f} ms"
    return f"in '{tempfile.gettempdir()}' (below TMPDIR): {costs}"


def _make(folder: Path) -> None:
    folder.mkdir()
    for name in ("output", "outcome"):
        (folder / name).touch()


def _append(records: int) -> None:
    os.write(records, b"x" * 200)
    os.fdatasync(records)


def _middle_ms(deed: Callable[[int], None]) -> float:
    spans = []
    for number in range(TIMES):
        began = time.monotonic()
        deed(number)
        spans.append((time.monotonic() - began) * 1000)
    return statistics.median(spans)
