"""What is found when all is over: jobs that do not come to rest, and promises that were broken."""

from collections.abc import Iterator

import httpx

from soak.orders import Promise
from soak.stage import Stage
from support.checker import violations
from support.evidence import Evidence, Footprint, collect
from support.runtime_api import JobRow, RuntimeApi
from support.waiting import NeverCameTrueError, wait_until

REST_SECONDS = 300.0
LOOKS = 5
LOOKING_SECONDS = 1800.0
LOOK_AGAIN_SECONDS = 4.0
UNFINISHED = ("pending", "claimed", "running", "lost")
DESCRIPTORS_MAX = 80
RESIDENT_BYTES_MAX = 150 * 1024 * 1024


def come_to_rest(house: Stage, promises: list[Promise]) -> list[str]:
    """Wait until every job has ended, and name those that do not."""
    wanted = {promise.job_id for promise in promises}

    def is_at_rest() -> bool:
        try:
            return not _unfinished(house.runtime.api, wanted)
        except httpx.HTTPError:
            # Only just started again, and slow to come.
            return False

    try:
        wait_until(is_at_rest, "all jobs are at rest", REST_SECONDS, look_every=1.0)
    except NeverCameTrueError:
        left = _unfinished(house.runtime.api, wanted)
        return [f"job {row['job_id']} is still {row['status']} ({row['reason']})" for row in left]
    return []


def _unfinished(api: RuntimeApi, wanted: set[str]) -> list[JobRow]:
    try:
        return [row for status in UNFINISHED for row in api.jobs(status=status) if row["job_id"] in wanted]
    finally:
        api.close()


def judge(house: Stage, promises: list[Promise]) -> tuple[Evidence, list[str]]:
    """Look at everything, again where something is wrong: processes that are just leaving get a moment."""
    api, ids = house.runtime.api, [promise.job_id for promise in promises]
    looks: list[tuple[Evidence, list[str]]] = []

    def has_seen_enough() -> bool:
        evidence = collect(api, house.ledger, ids)
        looks.append((evidence, violations(evidence)))
        return not looks[-1][1] or len(looks) == LOOKS

    wait_until(has_seen_enough, "somebody has looked at everything", LOOKING_SECONDS, look_every=LOOK_AGAIN_SECONDS)
    evidence, broken = looks[-1]
    return evidence, [*broken, *_wrong_logs(api, evidence, promises), *_swollen(house)]


def _wrong_logs(api: RuntimeApi, evidence: Evidence, promises: list[Promise]) -> Iterator[str]:
    for promise in promises:
        row = evidence.jobs.get(promise.job_id)
        if row is None or row["status"] != "completed":
            continue
        said = api.http.get(f"/jobs/{promise.job_id}/log").content
        # The real commands have their own sentences before it, of a runtime that was away.
        if promise.output.encode() not in said:
            yield f"the log of job {promise.job_id} has {len(said)} bytes, {len(promise.output.encode())} were written"


def _swollen(house: Stage) -> Iterator[str]:
    for corner in house.corners:
        if not corner.launcher.is_alive:
            yield f"launcher {corner.launcher.pid} is gone at the end; its log is {corner.launcher.log_path}"
            continue
        now = Footprint.of(corner.launcher.pid)
        if now.descriptors > DESCRIPTORS_MAX or now.resident_bytes > RESIDENT_BYTES_MAX or now.zombies:
            yield f"launcher {corner.launcher.pid} holds too much at rest: {now}"
