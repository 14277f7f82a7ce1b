"""What is found when all is over: jobs that do not come to rest, and promises that were broken."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from soak.harms import Harms
from soak.stage import OUTPUT_LIMIT_MIB, Stage
from support.checker import violations
from support.evidence import READ_AT_ONCE, Circumstances, Evidence, Footprint, collect
from support.runtime_api import JobRow, RuntimeApi
from support.waiting import NeverCameTrueError, wait_until

REST_SECONDS = 300.0
LOOKS = 5
LOOKING_SECONDS = 1800.0
LOOK_AGAIN_SECONDS = 4.0
UNFINISHED = ("pending", "claimed", "running", "lost")
JOB_ID = re.compile(r"\bjob_\w+")
ENDED_BY_ITS_KEEPER = ("timed_out", "output_limit", "shim_died")
ENDED_BY_OTHERS = ("budget_exceeded", "stopped_by_parent")
DESCRIPTORS_MAX = 80
RESIDENT_BYTES_MAX = 150 * 1024 * 1024
# What looks from outside is as late as the machine lets it be, and so is whoever it looks at.
LATE_SECONDS, TIMES_AS_LATE = 2.0, 4


def come_to_rest(house: Stage) -> list[str]:
    """Wait until every job has ended, and name those that do not."""

    def is_at_rest() -> bool:
        try:
            return not _unfinished(house.runtime.api)
        except httpx.HTTPError:
            # Only just started again, and slow to come.
            return False

    try:
        wait_until(is_at_rest, "all jobs are at rest", REST_SECONDS, look_every=1.0)
    except NeverCameTrueError:
        left = _unfinished(house.runtime.api)
        return [f"job {row['job_id']} is still {row['status']} ({row['reason']})" for row in left]
    return []


def _unfinished(api: RuntimeApi) -> list[JobRow]:
    try:
        return [row for status in UNFINISHED for row in api.jobs(status=status)]
    finally:
        api.close()


def judge(house: Stage, harms: Harms, promised: set[str]) -> tuple[Evidence, list[str]]:
    """Look at everything, and again at the jobs of which something is wrong: what is just leaving gets a moment."""
    api = house.runtime.api
    seen = circumstances(house, harms)
    # Also what nobody ordered: a parent is woken by the runtime.
    evidence = collect(api, house.ledger, sorted(promised | {row["job_id"] for row in api.jobs()}), seen)
    looks = [_broken(api, evidence)]

    def has_seen_enough() -> bool:
        suspects = sorted({job_id for breach in looks[-1] for job_id in JOB_ID.findall(breach)})
        if not suspects or len(looks) == LOOKS:
            return True
        lasting = [breach for breach in looks[-1] if not JOB_ID.search(breach)]
        again = collect(api, house.ledger, suspects, seen)
        looks.append([*lasting, *(breach for breach in _broken(api, again) if JOB_ID.search(breach))])
        return False

    wait_until(has_seen_enough, "somebody has looked at everything", LOOKING_SECONDS, look_every=LOOK_AGAIN_SECONDS)
    return evidence, [*looks[-1], *_swollen(house)]


def _broken(api: RuntimeApi, evidence: Evidence) -> list[str]:
    return [*violations(evidence), *_not_asked(evidence), *_wrong_logs(api, evidence)]


def circumstances(house: Stage, harms: Harms) -> Circumstances:
    """Say what was done to the house."""
    return Circumstances(
        root=str(house.project.work),
        output_limit_bytes=OUTPUT_LIMIT_MIB * 1024 * 1024,
        keeper_deaths=tuple(harms.keeper_deaths),
        refusals=tuple(harms.refusals),
        full_disks=tuple(harms.full_disks),
        late_seconds=LATE_SECONDS + TIMES_AS_LATE * house.watch.late_seconds,
    )


def _not_asked(evidence: Evidence) -> Iterator[str]:
    for row, run in evidence.ended_runs():
        if row["status"] == "stopped" and not row["stop_requested_at"] and row["reason"] not in ENDED_BY_OTHERS:
            yield f"job {row['job_id']} is stopped, attempt {run.attempt} ran, and nobody asked for its end"


def _wrong_logs(api: RuntimeApi, evidence: Evidence) -> Iterator[str]:
    # Where the launcher's disk was full, the log is what fitted.
    wanted = [(row, run) for row, run in evidence.ended_runs() if run.printed and not _was_killed(row)
              and not evidence.had_a_full_disk(run.job_id, run.attempt)]  # fmt: skip
    with ThreadPoolExecutor(READ_AT_ONCE) as readers:
        logs = readers.map(lambda found: _log_of(api, found[0]["job_id"]), wanted)
        for (row, run), said in zip(wanted, logs, strict=True):
            # The real commands have their own sentences around it, of a runtime that was away.
            if run.head not in said or run.tail not in said:
                yield f"the log of job {row['job_id']} has {len(said)} characters, and not what its agent printed"


def _was_killed(row: JobRow) -> bool:
    """Whether its command did not end by itself when it was told to: what still stood in its pipes went with it."""
    was_told = row["status"] == "stopped" or row["reason"] in ENDED_BY_ITS_KEEPER
    return was_told and row["exit_code"] is None


def _log_of(api: RuntimeApi, job_id: str) -> str:
    content, offset, is_complete = b"", 0, False
    while not is_complete:
        answer = api.http.get(f"/jobs/{job_id}/log", params={"offset": offset})
        is_complete = answer.headers["X-Log-Complete"] == "true" or not answer.content
        content, offset = content + answer.content, int(answer.headers["X-Log-Next"])
    return content.decode(errors="replace")


def _swollen(house: Stage) -> Iterator[str]:
    for corner in house.corners:
        if not corner.launcher.is_alive:
            yield f"launcher {corner.launcher.pid} is gone at the end; its log is {corner.launcher.log_path}"
            continue
        now = Footprint.of(corner.launcher.pid)
        if now.descriptors > DESCRIPTORS_MAX or now.resident_bytes > RESIDENT_BYTES_MAX or now.zombies:
            yield f"launcher {corner.launcher.pid} holds too much at rest: {now}"
