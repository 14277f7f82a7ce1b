"""What really ran, as the scripted `ao-start` wrote it down itself, and what lives of it, by the locks it holds."""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

COMMAND_LIFE = "command"


@dataclass(frozen=True)
class Run:
    """One process that an attempt started; the end is missing when it was killed or still runs.

    Shape: `beside` are the lives of the session's other attempts that it saw when it began, `folder` where it worked;
    `printed` counts the characters that it printed, `head` and `tail` are how they began and ended.
    Units: `started_at` and `ended_at` are seconds of the machine's monotonic clock, the `_wall` ones of the wall's.
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
    beside: tuple[str, ...]
    started_wall: float = 0.0
    ended_wall: float | None = None
    folder: str = ""
    was_asked_to_end: bool = False
    printed: int = 0
    head: str = ""
    tail: str = ""


@dataclass(frozen=True)
class Lived:
    """A process that came from an attempt, or a chain of them.

    Shape: `pid` is the newest of a chain; `born` tells it from a later process of its number.
    Units: `last_at` is when it last wrote that it lived, in seconds of the wall's clock.
    """

    path: Path
    job_id: str
    attempt: int
    pid: int
    born: str
    what: str
    last_at: float

    def is_alive(self) -> bool:
        """Whether it, or whoever inherited its lock, lives."""
        with self.path.open("rb") as life:
            try:
                fcntl.flock(life, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def is_zombie(self) -> bool:
        """Whether it ended and nobody has collected it."""
        return _state_of(self.pid, self.born) == "Z"


@dataclass(frozen=True)
class CommandSpan:
    """How long the command of an attempt was there.

    Shape: `note_path` is where it was to leave its note, in its launcher's state folder.
    Units: seconds of the wall's clock; `gone_at` is when its watch saw it gone, None when nobody watched.
    """

    began_at: float
    gone_at: float | None
    note_path: str


class Ledger:
    """The file that each scripted `ao-start` appends to, and the folder of lives beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lives = path.with_name(f"{path.name}.lives")

    def runs(self) -> list[Run]:
        """All runs in the order of their starts."""
        lines = self.lines()
        ends = {_whose(line): line for line in lines if line["what"] == "end"}
        asked = {_whose(line) for line in lines if line["what"] == "term"}
        return [_run(line, ends.get(_whose(line)), was_asked=_whose(line) in asked) for line in lines
                if line["what"] == "start"]  # fmt: skip

    def runs_of(self, job_id: str) -> list[Run]:
        """The runs of one job."""
        return [run for run in self.runs() if run.job_id == job_id]

    def started(self, job_id: str) -> Run | None:
        """The newest run of a job, once there is one."""
        return next(reversed(self.runs_of(job_id)), None)

    def commands(self) -> dict[tuple[str, int], CommandSpan]:
        """The real commands that were run behind a witness, by job and attempt."""
        lines = self.lines()
        gone = {_whose(line): _number(line["wall"]) for line in lines if line["what"] == "gone"}
        return {
            (str(line["job_id"]), _whole(line["attempt"]) or 0): CommandSpan(
                _number(line["wall"]), gone.get(_whose(line)), str(line["note"])
            )
            for line in lines
            if line["what"] == COMMAND_LIFE
        }

    def lived(self, *job_ids: str) -> list[Lived]:
        """Every process that came from these jobs, or from any."""
        return [life for path in sorted(self.lives.glob("*/*")) if (life := _life(path)).job_id in job_ids
                or not job_ids]  # fmt: skip

    def living(self, *job_ids: str) -> list[Lived]:
        """Those of them that run."""
        return [one for one in self.lived(*job_ids) if one.is_alive()]

    def lines(self) -> list[dict[str, object]]:
        """All that was written, but a line without its end, which is being written."""
        if not self.path.exists():
            return []
        complete = self.path.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines()]


def _run(start: dict[str, object], end: dict[str, object] | None, *, was_asked: bool) -> Run:
    end = end or {}
    return Run(
        job_id=str(start["job_id"]),
        attempt=_whole(start["attempt"]) or 0,
        pid=_whole(start["pid"]) or 0,
        command=str(start["command"]),
        session=str(start["session"]),
        started_at=_number(start["at"]),
        ended_at=_number(end["at"]) if end else None,
        exit_code=_whole(end.get("exit_code")),
        signal=_whole(end.get("signal")),
        beside=_texts(start["beside"]),
        started_wall=_number(start["wall"]),
        ended_wall=_number(end["wall"]) if end else None,
        folder=str(start["folder"]),
        was_asked_to_end=was_asked,
        printed=_whole(end.get("printed")) or 0,
        head=str(end.get("head", "")),
        tail=str(end.get("tail", "")),
    )


def _life(path: Path) -> Lived:
    job_id, attempt, pid, born, what = path.name.split(".")
    # Empty for a moment, until its process has written into it.
    told = path.read_text(encoding="ascii").split() or ["0", "0", pid, born]
    return Lived(path, job_id, int(attempt), int(told[2]), told[3], what, float(told[1]))


def _state_of(pid: int, born: str) -> str:
    """A process's state in the kernel's letter; empty once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    told = fields.rpartition(")")[2].split()
    return told[0] if told[19] == born else ""


def is_there(pid: int, born: str) -> bool:
    """Whether a process runs."""
    return os.path.exists(f"/proc/{pid}") and _state_of(pid, born) not in ("", "Z", "X")  # noqa: PTH110


def _whose(line: dict[str, object]) -> tuple[object, ...]:
    return line["pid"], line["job_id"], line["attempt"]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


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
