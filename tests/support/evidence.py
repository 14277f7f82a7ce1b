"""Everything that a verdict rests on: what was acknowledged, what the runtime says, what really ran, what lives."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

import psutil

from support.ledger import CommandSpan, Ledger, Lived, Run
from support.runtime_api import AT_REST, EventRow, JobRow, RuntimeApi

MARKER = "AGENT_JOB_ID"
READ_AT_ONCE = 4


@dataclass(frozen=True)
class LeftOver:
    """A process that should be gone."""

    pid: int
    job_id: str
    command: str
    is_zombie: bool


@dataclass(frozen=True)
class Circumstances:
    """What was done to the house, and what its people were told.

    Shape:   `root` is the folder in which all jobs are to work; `keeper_deaths` are state folders, each with the wall's
             time at which its keepers were killed; `refusals` are the times between which somebody in between refused
             everything as a runtime would, once and for all; `full_disks` are state folders that took nothing, with the
             times between which they did.
    Units:   `late_seconds` is by how much a look from outside may be late; bytes.
    """

    root: str | None = None
    output_limit_bytes: int | None = None
    keeper_deaths: tuple[tuple[str, float], ...] = ()
    refusals: tuple[tuple[float, float], ...] = ()
    full_disks: tuple[tuple[str, float, float], ...] = ()
    late_seconds: float = 0.0


NOTHING_SPECIAL = Circumstances()


@dataclass(frozen=True)
class Evidence:
    """One look at the whole house.

    Shape:   `acknowledged` are the ids that a client was given; `jobs` by id; `events` by job id, in order; `commands`
             by job id and attempt; `mistakes` are the runtime's answers that no client should see.
    """

    acknowledged: tuple[str, ...]
    jobs: dict[str, JobRow]
    events: dict[str, list[EventRow]]
    runs: list[Run]
    left_over: list[LeftOver]
    lives: tuple[Lived, ...] = ()
    commands: dict[tuple[str, int], CommandSpan] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()
    circumstances: Circumstances = NOTHING_SPECIAL

    def ended_runs(self) -> list[tuple[JobRow, Run]]:
        """The jobs at rest, each with the run of its last attempt; jobs of which nothing ran are left out."""
        by_attempt = {(run.job_id, run.attempt): run for run in self.runs}
        rows = [self.jobs[job_id] for job_id in self.acknowledged if job_id in self.jobs]
        return [(row, run) for row in rows if row["status"] in AT_REST
                and (run := by_attempt.get((row["job_id"], row["attempt"])))]  # fmt: skip

    def lost_its_keeper(self, job_id: str, attempt: int) -> bool:
        """Whether an attempt's keeper was killed while it ran: then nobody may have seen its end."""
        span = self.commands.get((job_id, attempt))
        return span is not None and any(
            span.note_path.startswith(f"{state_dir}/") and span.began_at - self.circumstances.late_seconds <= at
            for state_dir, at in self.circumstances.keeper_deaths
            if span.gone_at is None or at <= span.gone_at + self.circumstances.late_seconds
        )

    def had_a_full_disk(self, job_id: str, attempt: int) -> bool:
        """Whether its launcher's disk took nothing while an attempt ran."""
        span = self.commands.get((job_id, attempt))
        return span is not None and any(
            span.note_path.startswith(f"{state_dir}/") and span.began_at < ended
            for state_dir, began, ended in self.circumstances.full_disks
            if span.gone_at is None or began < span.gone_at
        )

    def was_refused(self, since: float, until: float) -> bool:
        """Whether somebody in between refused what was sent in a while."""
        return any(began < until and since < ended for began, ended in self.circumstances.refusals)


def collect(
    api: RuntimeApi, ledger: Ledger, acknowledged: Iterable[str], circumstances: Circumstances = NOTHING_SPECIAL
) -> Evidence:
    """Look at the runtime through its API, at the ledger, and at the machine's processes."""
    ids = tuple(acknowledged)
    jobs = {row["job_id"]: row for row in api.jobs()}
    sessions = sorted({jobs[job_id]["session_id"] for job_id in ids if job_id in jobs})
    events: dict[str, list[EventRow]] = {}
    with ThreadPoolExecutor(READ_AT_ONCE) as readers:
        for event in chain.from_iterable(readers.map(api.events, sessions)):
            events.setdefault(str(event["job_id"]), []).append(event)
    wanted = set(ids)
    lives = tuple(life for life in ledger.lived() if life.job_id in wanted)
    left_over = {process.pid: process for process in (*left_over_processes(ids), *left_of(lives))}
    return Evidence(
        ids, jobs, events, ledger.runs(), list(left_over.values()),
        lives, ledger.commands(), tuple(api.mistakes), circumstances,
    )  # fmt: skip


def left_of(lives: Iterable[Lived]) -> list[LeftOver]:
    """Processes that hold their locks, whatever they did to hide: a witness that knows nothing of the product."""
    found: list[LeftOver] = []
    for life in lives:
        is_zombie = life.is_zombie()
        if is_zombie or life.is_alive():
            found.append(LeftOver(life.pid, life.job_id, f"{life.what} of attempt {life.attempt}", is_zombie))
    return found


def left_over_processes(job_ids: Iterable[str]) -> list[LeftOver]:
    """Processes that carry the marker of one of these jobs, and the zombies among them."""
    wanted = set(job_ids)
    found: list[LeftOver] = []
    for process in psutil.process_iter():
        try:
            job_id = process.environ().get(MARKER, "")
            if job_id in wanted:
                is_zombie = process.status() == psutil.STATUS_ZOMBIE
                found.append(LeftOver(process.pid, job_id, " ".join(process.cmdline()[:4]), is_zombie))
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


@dataclass(frozen=True)
class Footprint:
    """What a process holds on to, to be compared before and after."""

    descriptors: int
    threads: int
    resident_bytes: int
    zombies: int

    @staticmethod
    def of(pid: int) -> "Footprint":
        """Look at one living process."""
        process = psutil.Process(pid)
        with process.oneshot():
            return Footprint(
                descriptors=process.num_fds(),
                threads=process.num_threads(),
                resident_bytes=process.memory_info().rss,
                zombies=sum(child.status() == psutil.STATUS_ZOMBIE for child in process.children()),
            )
