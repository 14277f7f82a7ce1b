"""What really ran, as the scripted `ao-start` wrote it down itself."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One process that an attempt started; the end is missing when it was killed or still runs.

    Shape: `beside` are the processes of the session's other attempts that it saw alive when it began.
    Units: `started_at` and `ended_at` are seconds of the machine's monotonic clock.
    """

    job_id: str
    attempt: int
    pid: int
    command: str
    session: str
    started_at: float
    ended_at: float | None
    exit_code: int | None
    signal: int | None
    beside: tuple[int, ...]


@dataclass(frozen=True)
class Lived:
    """A process that came from an attempt, as it was written down; `born` tells it from a later one of its number."""

    job_id: str
    attempt: int
    pid: int
    born: str
    what: str

    def state(self) -> str:
        """Its state in the kernel's letter; empty once it is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        told = fields.rpartition(")")[2].split()
        return told[0] if told[19] == self.born else ""


class Ledger:
    """The file that each scripted `ao-start` appends to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self) -> list[Run]:
        """All runs in the order of their starts."""
        lines = self._lines()
        ends = {(line["pid"], line["job_id"], line["attempt"]): line for line in lines if line["what"] == "end"}
        return [self._run(line, ends.get((line["pid"], line["job_id"], line["attempt"]))) for line in lines
                if line["what"] == "start"]  # fmt: skip

    def runs_of(self, job_id: str) -> list[Run]:
        """The runs of one job."""
        return [run for run in self.runs() if run.job_id == job_id]

    def started(self, job_id: str) -> Run | None:
        """The newest run of a job, once there is one."""
        return next(reversed(self.runs_of(job_id)), None)

    def lived(self, *job_ids: str) -> list[Lived]:
        """Every process that came from these jobs, or from any."""
        return [_lived(line) for line in self._lines() if line["what"] in ("start", "child")
                and (not job_ids or line["job_id"] in job_ids)]  # fmt: skip

    def living(self, *job_ids: str) -> list[Lived]:
        """Those of them that run."""
        return [one for one in self.lived(*job_ids) if one.state() not in ("", "Z", "X")]

    def _lines(self) -> list[dict[str, object]]:
        if not self.path.exists():
            return []
        # A line without its end is one that is being written.
        complete = self.path.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines()]

    @staticmethod
    def _run(start: dict[str, object], end: dict[str, object] | None) -> Run:
        return Run(
            job_id=str(start["job_id"]),
            attempt=_whole(start["attempt"]) or 0,
            pid=_whole(start["pid"]) or 0,
            command=str(start["command"]),
            session=str(start["session"]),
            started_at=_number(start["at"]),
            ended_at=_number(end["at"]) if end else None,
            exit_code=_whole(end["exit_code"]) if end else None,
            signal=_whole(end["signal"]) if end else None,
            beside=tuple(_wholes(start["beside"])),
        )


def _lived(line: dict[str, object]) -> Lived:
    return Lived(
        str(line["job_id"]),
        _whole(line["attempt"]) or 0,
        _whole(line["pid"]) or 0,
        str(line["born"]),
        str(line["what"]),
    )


def _wholes(value: object) -> list[int]:
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: object) -> float:
    assert isinstance(value, int | float), f"no number in the ledger: {value!r}"
    return float(value)


def most_at_once(runs: list[Run]) -> int:
    """How many of the runs were alive at the same moment, at most."""
    edges = sorted([(run.started_at, 1) for run in runs] + [(run.ended_at or float("inf"), -1) for run in runs])
    alive = most = 0
    for _, step in edges:
        alive += step
        most = max(most, alive)
    return most
