"""When each job's process began and ended, as the tiny program itself marked it."""

import time
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_SECONDS = 0.002


@dataclass(frozen=True)
class Mark:
    """Units: nanoseconds of the machine's monotonic clock, the same in every process."""

    job_id: str
    what: str
    at_ns: int


class Marks:
    """The file that all tiny programs append to, read on from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._read = 0
        self._seen: list[Mark] = []

    def all(self) -> list[Mark]:
        """Every mark so far."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.decode().splitlines():
            job_id, what, at_ns = line.split()
            self._seen.append(Mark(job_id, what, int(at_ns)))
        return self._seen

    def of(self, what: str) -> dict[str, int]:
        """The moments of all starts, or of all ends, by job."""
        return {mark.job_id: mark.at_ns for mark in self.all() if mark.what == what}

    def wait_for(self, what: str, count: int, seconds: float = 120.0) -> dict[str, int]:
        """Wait until so many jobs have this mark."""
        deadline = time.monotonic() + seconds
        while len(found := self.of(what)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {len(found)} of {count} jobs have a mark '{what}' after {seconds:g} s")
            time.sleep(LOOK_EVERY_SECONDS)
        return found
