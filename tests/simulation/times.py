"""How long a command ran and when it ended, against what its keeper says and what the runtime keeps of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.domain.job import Job
from lib.keeper.words import JsonObject
from lib.wire.models import number_of
from simulation.ledger import Run

if TYPE_CHECKING:
    from simulation.keepers import KeeperProcess

ROUNDED_SECONDS = 0.002
SEEN_AT_ONCE_SECONDS = 0.05


def wrong_verdict(run: Run, verdict: JsonObject, keeper: KeeperProcess) -> str | None:
    """Say what is wrong with the times in a verdict."""
    seconds, told_at = number_of(verdict, "seconds"), number_of(verdict, "ended_at")
    if run.ended_at is None or seconds is None or told_at is None:
        return None
    # What went down with its machine may have taken along what it had written.
    if run.how == "power cut" or verdict.get("reason") == "host_rebooted":
        return None
    has_jumped = keeper.machine.has_jumped
    # Of an end that nobody saw only the wall's clock tells, and that was set meanwhile.
    if has_jumped and run.is_alone:
        return None
    late = SEEN_AT_ONCE_SECONDS if _could_be_known(run, keeper) else float("inf")
    least, most = run.ended_at - run.spawned_at, run.ended_at - run.began_at + late
    if not least - ROUNDED_SECONDS <= seconds <= most:
        return f"{run.key} ran for {least:.3f} s, and is said to have run for {seconds} s"
    differs = told_at - keeper.machine.wall_time_of(run.ended_at)
    if not has_jumped and not -ROUNDED_SECONDS <= differs <= late:
        return f"{run.key} is said to have ended {differs:.3f} s late"
    return None


def _could_be_known(run: Run, keeper: KeeperProcess) -> bool:
    """Whether its keeper could see the end as it came, or read when it came."""
    assert run.ended_at is not None
    if run.alone_at is not None and run.alone_at <= run.ended_at < keeper.began_at:
        return run.left_code is not None
    return run.ended_at >= keeper.undisturbed_since


def wrong_record(job: Job, run: Run) -> str | None:
    """Say what is wrong with the times that the runtime keeps of an attempt."""
    if job.started_at is None or job.ended_at is None or job.run_seconds is None:
        return None
    if (job.ended_at - job.started_at).total_seconds() < job.run_seconds - ROUNDED_SECONDS:
        return f"{run.key} ran for {job.run_seconds} s between {job.started_at} and {job.ended_at}"
    said = [seconds for seconds in run.said_seconds if seconds is not None]
    # Of one whose keeper did not know only the report tells, and that comes from between its start and its end.
    if None not in run.said_seconds and said and not any(_is_about(seconds, job.run_seconds) for seconds in said):
        return f"{run.key} ran for {job.run_seconds} s, its keeper said {sorted(said)}"
    return None


def _is_about(one: float, other: float) -> bool:
    return abs(one - other) <= ROUNDED_SECONDS
