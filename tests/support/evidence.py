"""Everything that a verdict rests on: what was acknowledged, what the runtime says, what really ran, what lives."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from support.ledger import Ledger, Run
from support.runtime_api import EventRow, JobRow, RuntimeApi

MARKER = "AGENT_JOB_ID"


@dataclass(frozen=True)
class LeftOver:
    """A process that should be gone."""

    pid: int
    job_id: str
    command: str
    is_zombie: bool


@dataclass(frozen=True)
class Evidence:
    """One look at the whole house.

    Shape:   `acknowledged` are the ids that a client was given; `jobs` by id; `events` by job id, in order.
    """

    acknowledged: tuple[str, ...]
    jobs: dict[str, JobRow]
    events: dict[str, list[EventRow]]
    runs: list[Run]
    left_over: list[LeftOver]


def collect(api: RuntimeApi, ledger: Ledger, acknowledged: Iterable[str]) -> Evidence:
    """Look at the runtime through its API, at the ledger, and at the machine's processes."""
    ids = tuple(acknowledged)
    jobs = {row["job_id"]: row for row in api.jobs()}
    sessions = {jobs[job_id]["session_id"] for job_id in ids if job_id in jobs}
    events: dict[str, list[EventRow]] = {}
    for session in sorted(sessions):
        for event in api.events(session):
            events.setdefault(str(event["job_id"]), []).append(event)
    left_over = {process.pid: process for process in (*left_over_processes(ids), *left_by(ledger, ids))}
    return Evidence(ids, jobs, events, ledger.runs(), list(left_over.values()))


def left_by(ledger: Ledger, job_ids: Iterable[str]) -> list[LeftOver]:
    """Processes that wrote themselves down, whatever they did to hide: a witness that knows nothing of the product."""
    wanted = set(job_ids)
    return [LeftOver(one.pid, one.job_id, f"{one.what} of attempt {one.attempt}", is_zombie=one.state() == "Z")
            for one in ledger.lived() if one.job_id in wanted and one.state()]  # fmt: skip


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
