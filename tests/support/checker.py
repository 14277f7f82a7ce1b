"""The promises that hold after every test, whatever went wrong in it; `truths` has those that compare two witnesses.

1. each acknowledged job has one outcome, or waits with a reason
2. an attempt was started at most once
3. no two attempts of a job overlap, unless the job may run again when lost
4. the outcome is what really happened
5. no process of an ended job lives, and none is a zombie
6. every move of a job is one that the state table allows, and attempts only grow
7. the times of a job are in order, and those of its processes
8. files, threads and memory return to where they were
9. what an agent prints has a bound, and its beginning and its end are kept
10. no job works outside the folder that it may work in
11. a runtime in trouble says which
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from support.evidence import Evidence, Footprint, collect
from support.ledger import Ledger, Run
from support.runtime_api import AT_REST, EventRow, RuntimeApi
from support.truths import (
    kept_output,
    no_mistakes,
    nothing_after_its_end,
    true_outcome,
    true_times,
    within_its_root,
)
from support.waiting import PATIENCE_SECONDS, wait_until

Promise = Callable[[Evidence], Iterator[str]]

RESIDENT_GROWTH_BYTES_MAX = 50 * 1024 * 1024
DESCRIPTORS_GROWTH_MAX = 8
# A pool makes its threads when it needs them, and keeps them.
POOLED_THREADS_MAX = 8

# They carry the status and do not change it.
_NO_MOVES = frozenset({"job.created", "job.stop_requested", "job.edited", "job.held", "job.hold_lifted"})
# Which statuses may follow which, in the words of the runtime's own events.
ALLOWED_NEXT: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"claimed", "stopped", "failed"}),
    "claimed": frozenset({"running", "pending", "stopped"}),
    "running": frozenset({"completed", "failed", "stopped", "lost"}),
    "lost": frozenset({"running", "completed", "failed", "stopped", "pending"}),
    "failed": frozenset({"pending", "running", "completed", "failed", "stopped"}),
    "stopped": frozenset({"pending"}),
    "completed": frozenset(),
}


def one_outcome(evidence: Evidence) -> Iterator[str]:
    """Promise 1."""
    for job_id in evidence.acknowledged:
        job = evidence.jobs.get(job_id)
        if job is None:
            yield f"job {job_id} was acknowledged and is gone"
        elif job["status"] not in AT_REST and not job["reason"]:
            yield f"job {job_id} is {job['status']} without a reason"
        elif job["status"] in AT_REST and not job["ended_at"]:
            yield f"job {job_id} is {job['status']} without an end"


def one_start(evidence: Evidence) -> Iterator[str]:
    """Promise 2."""
    seen: set[tuple[str, int]] = set()
    for run in evidence.runs:
        if (run.job_id, run.attempt) in seen:
            yield f"attempt {run.attempt} of job {run.job_id} was started twice"
        seen.add((run.job_id, run.attempt))


def no_overlap(evidence: Evidence) -> Iterator[str]:
    """Promise 3."""
    for job_id, runs in _by_job(evidence.runs).items():
        job = evidence.jobs.get(job_id)
        if job is None or job["rerun_lost"] > 0:
            continue
        for earlier, later in pairwise(sorted(runs, key=lambda run: run.started_at)):
            if earlier.ended_at is not None and later.started_at < earlier.ended_at:
                yield f"attempts {earlier.attempt} and {later.attempt} of job {job_id} ran at the same time"


def nothing_beside(evidence: Evidence) -> Iterator[str]:
    """Promise 3, as the later attempt itself saw it: of a session's other attempts nothing lives when one begins."""
    for run in evidence.runs:
        job = evidence.jobs.get(run.job_id)
        if run.beside and (job is None or job["rerun_lost"] == 0):
            yield f"attempt {run.attempt} of job {run.job_id} began beside living {list(run.beside)} of its session"


def nothing_left(evidence: Evidence) -> Iterator[str]:
    """Promise 5."""
    for process in evidence.left_over:
        job = evidence.jobs.get(process.job_id)
        if job is None or job["status"] in AT_REST or process.is_zombie:
            what = "zombie" if process.is_zombie else "process"
            yield f"{what} {process.pid} of job {process.job_id} is left ({process.command})"


def legal_moves(evidence: Evidence) -> Iterator[str]:
    """Promise 6."""
    for job_id in evidence.acknowledged:
        status, attempt = "pending", 0
        for event in evidence.events.get(job_id, []):
            target = _target_status(event)
            if target is None:
                continue
            if target not in ALLOWED_NEXT[status]:
                yield f"job {job_id} went from {status} to {target}"
            if (event["attempt"] or 0) < attempt:
                yield f"job {job_id} went back from attempt {attempt} to {event['attempt']}"
            status, attempt = target, max(attempt, event["attempt"] or 0)
        job = evidence.jobs.get(job_id)
        if job is not None and job["status"] != status:
            yield f"job {job_id} is {job['status']}, its events end at {status}"


def _target_status(event: EventRow) -> str | None:
    status = event["data"].get("status")
    is_move = event["type"].startswith("job.") and event["type"] not in _NO_MOVES
    return str(status) if is_move and status in ALLOWED_NEXT else None


def times_in_order(evidence: Evidence) -> Iterator[str]:
    """Promise 7."""
    for job_id in evidence.acknowledged:
        job = evidence.jobs.get(job_id)
        if job is None:
            continue
        times = [job["created_at"], job["claimed_at"], job["started_at"], job["ended_at"]]
        present = [time for time in times if time is not None]
        if present != sorted(present):
            yield f"job {job_id} has times out of order: {present}"


def _by_job(runs: Iterable[Run]) -> dict[str, list[Run]]:
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.job_id, []).append(run)
    return grouped


PROMISES: tuple[Promise, ...] = (
    one_outcome,
    one_start,
    no_overlap,
    nothing_beside,
    true_outcome,
    nothing_left,
    nothing_after_its_end,
    legal_moves,
    times_in_order,
    true_times,
    kept_output,
    within_its_root,
    no_mistakes,
)


def violations(evidence: Evidence) -> list[str]:
    """Every breach of the promises, but of the eighth, for which something must be compared."""
    return [breach for promise in PROMISES for breach in promise(evidence)]


def assert_promises_held(api: RuntimeApi, ledger: Ledger, acknowledged: Iterable[str]) -> Evidence:
    """Look at everything and fail with each breach; processes that are just leaving get a moment."""
    ids = tuple(acknowledged)
    last: list[list[str]] = []

    def all_well() -> Evidence | None:
        evidence = collect(api, ledger, ids)
        last[:] = [violations(evidence)]
        return evidence if not last[0] else None

    try:
        return wait_until(all_well, "the promises hold", timeout=20.0)
    except AssertionError:
        raise AssertionError("\n".join(last[0])) from None


def assert_back_to(baseline: Footprint, pid: int) -> None:
    """Promise 8, for one process that is at rest again."""

    def is_back() -> bool:
        now = Footprint.of(pid)
        return (
            now.descriptors <= baseline.descriptors + DESCRIPTORS_GROWTH_MAX
            and now.threads <= baseline.threads + POOLED_THREADS_MAX
            and now.resident_bytes <= baseline.resident_bytes + RESIDENT_GROWTH_BYTES_MAX
            and now.zombies == 0
        )

    wait_until(is_back, f"process {pid} returns to {baseline}, now {Footprint.of(pid)}", timeout=PATIENCE_SECONDS)
