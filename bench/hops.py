"""One real job at a time, and where its time goes: from the order to its end on somebody's screen, hop by hop.

Nothing is added to the product for this: the runtime's rows, the keeper's journal, the session's events and the agent
itself each say when something happened.
"""

import os
import time
from datetime import datetime
from itertools import pairwise

from bench import figures
from bench.house import House
from bench.table import Table
from support.runtime_api import RuntimeApi

JOBS = 60
WARM_UP = 5
# From the one before to this moment.
HOPS = {
    "committed": "submit and commit",
    "claimed": "wake and claim",
    "started": "prepare and grant",
    "spawned": "fork",
    "running": "exec, and all that the command does before its agent runs",
    "agent_ended": "the agent itself",
    "command_ended": "what the command does behind its agent, exit, verdict",
    "recorded": "report",
    "seen": "seen",
}


def measure(house: House, table: Table) -> None:
    """Create a job, wait for its end, and again; beside each a bare spawn of the same agent."""
    table.section(f"One job at a time, agent of the kind `command` ({JOBS} jobs)")
    connection, watch = house.connect(), house.watch()
    posted: dict[str, int] = {}
    seen: dict[str, int] = {}
    bare: list[int] = []
    for number in range(WARM_UP + JOBS):
        bare.append(bare_start(house, number))
        before = time.monotonic_ns()
        posted[str(connection.post("/jobs", house.order(f"hop-{number}", agent="marks"))["job_id"])] = before
        seen = watch.wait_for(number + 1)
    measured = list(posted)[WARM_UP:]
    moments = {job: _moments(house, job, posted[job], seen[job]) for job in measured}
    _print_start(table, moments, figures.milliseconds(bare[WARM_UP:]))
    _print_hops(table, moments)
    connection.close()


def bare_start(house: House, number: int) -> int:
    """Nanoseconds from a spawn without any promise to the same agent's first word."""
    job = f"bare-{number}"
    began = time.monotonic_ns()
    child = os.posix_spawn(
        house.program, [str(house.program)], {"BENCH_MARKS": str(house.marks.path), "AGENT_JOB_ID": job}
    )
    os.waitpid(child, 0)
    return house.marks.of("start")[job] - began


def _print_start(table: Table, moments: dict[str, dict[str, float]], bare_ms: list[float]) -> None:
    spans = [(moment["running"] - moment["posted"]) * 1000 for moment in moments.values()]
    ends = [(moment["seen"] - moment["agent_ended"]) * 1000 for moment in moments.values()]
    for share, aim in ((0.50, "30"), (0.99, "60")):
        beside = ("bare spawn", figures.percentile(bare_ms, share))
        table.row(
            f"`POST /jobs` → the agent runs, p{share * 100:.0f}", figures.percentile(spans, share), "ms", aim, beside
        )
    table.row("the agent exits → its end is seen, p50", figures.percentile(ends, 0.50), "ms")


def _print_hops(table: Table, moments: dict[str, dict[str, float]]) -> None:
    for before, after in pairwise(["posted", *HOPS]):
        spans = [(moment[after] - moment[before]) * 1000 for moment in moments.values()]
        table.row(f"hop: {HOPS[after]}, p50", figures.percentile(spans, 0.50), "ms")


def _moments(house: House, job_id: str, posted_ns: int, seen_ns: int) -> dict[str, float]:
    """All moments of one job, in seconds of the wall clock."""
    job = house.runtime.api.job(job_id)
    ahead = time.time() - time.monotonic()
    key = next(str(record["key"]) for record in house.launcher.keepers.records() if job_id in str(record["key"]))
    (spawned,), (ended,) = (house.launcher.keepers.records_of(key, kind) for kind in ("spawned", "ended"))
    verdict = ended["verdict"]
    assert isinstance(verdict, dict)
    return {
        "posted": posted_ns / 1e9 + ahead,
        "committed": _seconds(job["created_at"]),
        "claimed": _seconds(job["claimed_at"]),
        "started": _seconds(job["started_at"]),
        "spawned": float(str(spawned["started_at"])),
        "running": house.marks.of("start")[job_id] / 1e9 + ahead,
        "agent_ended": house.marks.of("end")[job_id] / 1e9 + ahead,
        "command_ended": float(str(verdict["ended_at"])),
        "recorded": _recorded_at(house.runtime.api, job["session_id"]),
        "seen": seen_ns / 1e9 + ahead,
    }


def _recorded_at(api: RuntimeApi, session_id: str) -> float:
    return next(_seconds(event["at"]) for event in api.events(session_id) if event["type"] == "job.completed")


def _seconds(moment: str | None) -> float:
    assert moment is not None
    return datetime.fromisoformat(moment).timestamp()
