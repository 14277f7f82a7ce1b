"""Many at once: launchers that come back together, jobs that all leave something behind, ends that race with losses.

`LAUNCHERS` and `ORPHANED_JOBS` in the environment make them larger.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psutil

from faults.bench import Bench
from lib.api_client import ApiClient, TokenSource, Wanted
from lib.errors import LauncherUnknown
from lib.wire.http_client import http_client
from lib.wire.models import Job, JsonObject, Report
from support.checker import legal_moves
from support.evidence import collect, left_over_processes
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.swarm import Swarm, swarming
from support.waiting import wait_until

LAUNCHERS = int(os.environ.get("LAUNCHERS", "60"))
ORPHANED_JOBS = int(os.environ.get("ORPHANED_JOBS", "32"))
ORPHANS = 5
HURRY = 5.0
RACING = 24


def parked(api: RuntimeApi) -> int:
    """How many launchers' polls wait at the runtime."""
    return sum(row["poll_parked"] and row["status"] == "alive" for row in api.launchers())


def test_a_crowd_of_launchers_comes_back_to_a_runtime_that_was_killed_and_each_job_runs_once(tmp_path: Path) -> None:
    runtime = RuntimeProcess(tmp_path / "runtime").start()
    api = runtime.api
    swarm = Swarm(runtime.port, runtime.token, HURRY)
    try:
        with swarming(swarm, LAUNCHERS):
            wait_until(lambda: parked(api) == LAUNCHERS, "all are there", look_every=0.3)
            runtime.kill()
            runtime.start()
            wait_until(lambda: parked(api) == LAUNCHERS, "all are there again", look_every=0.3)
            jobs = [api.create_job(f"s-{number}") for number in range(20)]
            assert {row["status"] for row in api.wait_for_all(jobs)} == {"completed"}
        assert swarm.ran == {(job_id, 1): 1 for job_id in jobs}
    finally:
        api.close()
        runtime.leave_nothing()


def test_jobs_that_all_leave_processes_behind_leave_none_and_no_zombie(bench: Bench) -> None:
    leave = f"for n in {' '.join(map(str, range(ORPHANS)))}; do setsid sleep 600 & done"
    bench.project.put_command("ao-start", f"#!/bin/sh\n{leave}\nexit 9\n")
    bench.launcher.start("--max-jobs", "32")
    jobs = [bench.order() for _ in range(ORPHANED_JOBS)]

    assert {row["exit_code"] for row in bench.api.wait_for_all(jobs)} == {9}
    assert left_over_processes(jobs) == []
    ours, keepers = psutil.Process(bench.launcher.pid), bench.launcher.keepers.processes()
    wait_until(lambda: ours.children(recursive=True) == keepers, "only the keeper is left, and no zombie")


def test_an_end_that_races_with_the_loss_of_its_launcher_is_the_jobs_one_outcome(
    runtime: RuntimeProcess, bench: Bench
) -> None:
    calls = ApiClient(http_client(runtime.url), TokenSource(runtime.token, Path("/nowhere")))
    launcher_id = calls.register({"name": "racing"}).launcher_id
    for _ in range(RACING):
        bench.order()
    jobs = list(calls.poll(launcher_id, Wanted(slots=RACING, batch=RACING, wait_seconds=5.0)).jobs)
    while len(jobs) < RACING:
        jobs += calls.poll(launcher_id, Wanted(slots=RACING, batch=RACING, wait_seconds=5.0)).jobs
    for job in jobs:
        calls.report_started(launcher_id, job.job_id, job)
    half_way = count()

    def report(job: Job) -> None:
        if next(half_way) == RACING // 2:
            calls.forget(launcher_id)
        try:
            calls.report_completed(launcher_id, job.job_id, job, Report("completed", exit_code=0))
        except LauncherUnknown:
            held: JsonObject = {"job_id": job.job_id, "attempt": job.attempt, "token": job.token}
            again = calls.register({"name": "racing", "holding": [held]}).launcher_id
            calls.report_completed(again, job.job_id, job, Report("completed", exit_code=0))

    with ThreadPoolExecutor(6) as crowd:
        list(crowd.map(report, jobs))

    evidence = collect(bench.api, bench.ledger, bench.jobs)
    assert {evidence.jobs[job_id]["status"] for job_id in bench.jobs} == {"completed"}
    assert list(legal_moves(evidence)) == []
    calls.close()
