"""What is found when all is over: jobs that do not come to rest, and promises that were broken."""

from collections.abc import Iterator

import httpx

from soak.harms import Harms
from soak.stage import OUTPUT_LIMIT_MIB, Stage
from support.checker import violations
from support.evidence import Circumstances, Evidence, Footprint, collect
from support.runtime_api import AT_REST, JobRow, RuntimeApi
from support.waiting import NeverCameTrueError, wait_until

REST_SECONDS = 300.0
LOOKS = 5
LOOKING_SECONDS = 1800.0
LOOK_AGAIN_SECONDS = 4.0
UNFINISHED = ("pending", "claimed", "running", "lost")
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
    """Look at everything, again where something is wrong: processes that are just leaving get a moment."""
    api = house.runtime.api
    seen = circumstances(house, harms)
    looks: list[tuple[Evidence, list[str]]] = []

    def has_seen_enough() -> bool:
        # Also what nobody ordered: a parent is woken by the runtime.
        ids = promised | {row["job_id"] for row in api.jobs()}
        evidence = collect(api, house.ledger, sorted(ids), seen)
        looks.append((evidence, [*violations(evidence), *_not_asked(evidence), *_wrong_logs(api, evidence)]))
        return not looks[-1][1] or len(looks) == LOOKS

    wait_until(has_seen_enough, "somebody has looked at everything", LOOKING_SECONDS, look_every=LOOK_AGAIN_SECONDS)
    evidence, broken = looks[-1]
    return evidence, [*broken, *_swollen(house)]


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
    for row, run in evidence.ended_runs():
        # Where the launcher's disk was full, the log is what fitted.
        had_room = not evidence.had_a_full_disk(run.job_id, run.attempt)
        if row["status"] not in AT_REST - {"stopped"} or not run.printed or not had_room:
            continue
        said = _log_of(api, row["job_id"])
        # The real commands have their own sentences around it, of a runtime that was away.
        if run.head not in said or run.tail not in said:
            yield f"the log of job {row['job_id']} has {len(said)} characters, and not what its agent printed"


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
