"""`make soak MINUTES=30`: shake the house for so long, then see whether every promise was kept."""

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from soak.harms import Harms, start_launcher
from soak.orders import Orders, Promise
from soak.plan import plan
from soak.stage import Stage, stage
from support.checker import violations
from support.evidence import Evidence, Footprint, collect
from support.runtime_api import AT_REST, JobRow, RuntimeApi
from support.waiting import wait_until

LAUNCHERS = 3
REST_SECONDS = 300.0
DESCRIPTORS_MAX = 80
RESIDENT_BYTES_MAX = 150 * 1024 * 1024


def main() -> int:
    """Run, print the figures, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long to shake it")
    parser.add_argument("--seed", type=int, default=None, help="a plan that was printed before, to play it again")
    wanted = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if wanted.seed is None else wanted.seed
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"seed {seed}, {wanted.minutes:g} minutes, {LAUNCHERS} launchers, all files in {folder}", flush=True)
    with stage(folder, LAUNCHERS) as house:
        broken = shake(house, seed, wanted.minutes * 60)
    print(f"violations: {len(broken)}", *broken[:50], sep="\n  ", flush=True)
    return 1 if broken else 0


def shake(house: Stage, seed: int, seconds: float) -> list[str]:
    """Order jobs while the plan is played, let all come to rest, and judge."""
    began = time.monotonic()
    orders = Orders(house.runtime.api, seed, str(house.project.work))
    harms = Harms(house, plan(seed, seconds, LAUNCHERS))
    orders.start()
    try:
        harms.play()
    finally:
        orders.stop()
    print(f"shaken for {time.monotonic() - began:.0f} s", flush=True)
    for corner in house.corners:
        start_launcher(corner)
    restless = _come_to_rest(house.runtime.api, orders.promises)
    evidence, broken = _judge(house, orders.promises)
    _tell(harms, evidence)
    return harms.findings + restless + orders.refusals + broken


def _come_to_rest(api: RuntimeApi, promises: list[Promise]) -> list[str]:
    wanted = {promise.job_id for promise in promises}

    def restless() -> list[JobRow]:
        return [row for row in api.jobs() if row["job_id"] in wanted and row["status"] not in AT_REST]

    try:
        wait_until(lambda: not restless(), "all jobs are at rest", REST_SECONDS)
    except AssertionError:
        return [f"job {row['job_id']} is still {row['status']} ({row['reason']})" for row in restless()]
    return []


def _judge(house: Stage, promises: list[Promise]) -> tuple[Evidence, list[str]]:
    api, ids = house.runtime.api, [promise.job_id for promise in promises]
    found: list[tuple[Evidence, list[str]]] = []

    def is_well() -> bool:
        evidence = collect(api, house.ledger, ids)
        found[:] = [(evidence, violations(evidence))]
        return not found[0][1]

    try:
        wait_until(is_well, "every promise is kept", 20.0)
    except AssertionError:
        print("some promises were broken", flush=True)
    evidence, broken = found[0]
    broken += _wrong_logs(api, evidence, promises)
    broken += _swollen(house)
    return evidence, broken


def _wrong_logs(api: RuntimeApi, evidence: Evidence, promises: list[Promise]) -> Iterator[str]:
    for promise in promises:
        row = evidence.jobs.get(promise.job_id)
        if row is None or row["status"] != "completed":
            continue
        said = api.http.get(f"/jobs/{promise.job_id}/log").content
        if not said.startswith(promise.output.encode()):
            yield f"the log of job {promise.job_id} has {len(said)} bytes, {len(promise.output.encode())} were written"


def _swollen(house: Stage) -> Iterator[str]:
    for corner in house.corners:
        now = Footprint.of(corner.launcher.pid)
        if now.descriptors > DESCRIPTORS_MAX or now.resident_bytes > RESIDENT_BYTES_MAX or now.zombies:
            yield f"launcher {corner.launcher.pid} holds too much at rest: {now}"


def _tell(harms: Harms, evidence: Evidence) -> None:
    rows = [evidence.jobs[job_id] for job_id in evidence.acknowledged if job_id in evidence.jobs]
    outcomes = Counter(f"{row['status']} {row['reason'] or ''}".strip() for row in rows)
    print(f"jobs acknowledged: {len(evidence.acknowledged)}, commands run: {len(evidence.runs)}")
    print("outcomes:", ", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    print(f"faults: {sum(harms.done.values())}")
    print("  " + ", ".join(f"{count} x {name}" for name, count in harms.done.most_common()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
