"""Somebody is frozen, starved or killed by a job: what counted as lost is settled once, and nothing else is harmed."""

import os
import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from faults.bench import Bench
from support.launcher_process import LauncherProcess
from support.project import REPOSITORY
from support.proxy import ChaosProxy
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

LEASE_SECONDS = 5
HOGS = 2 * (os.cpu_count() or 1)
PROGRAM = REPOSITORY / "tests/support/impatient_runtime.py"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that soon takes a silent launcher for lost, and a lost job for lost for good."""
    process = RuntimeProcess(
        tmp_path_factory.mktemp("runtime"),
        environment={"LAUNCHER_HEARTBEAT_TIMEOUT": str(LEASE_SECONDS)},
        program=(sys.executable, str(PROGRAM)),
    )
    try:
        yield process.start()
    finally:
        process.leave_nothing()


@pytest.fixture
def another(bench: Bench) -> Iterator[LauncherProcess]:
    """A second launcher with the same commands, not started yet."""
    first = bench.launcher
    process = LauncherProcess(
        first.folder / "another", first.runtime_url, first.token, script=first.script, environment=first.environment
    )
    yield process
    process.leave_nothing()


def forget(bench: Bench) -> None:
    """Let the runtime take every launcher for gone, and what they ran for lost."""
    for row in bench.api.launchers():
        bench.api.http.delete(f"/launchers/{row['launcher_id']}")


def moves(bench: Bench, job_id: str) -> list[str]:
    """What happened to a job, in order."""
    return [event["type"] for event in bench.api.events(bench.api.job(job_id)["session_id"])]


def test_a_runtime_that_was_frozen_for_longer_than_a_lease_harms_no_job_and_runs_none_again(
    bench: Bench, proxy: ChaosProxy, runtime: RuntimeProcess
) -> None:
    bench.launcher.start()
    runs_on = bench.order({"await_file": str(bench.gate)}, rerun_lost=1)
    ends_meanwhile = bench.order({"seconds": LEASE_SECONDS + 1.5, "exit": 3}, rerun_lost=1)
    bench.wait_until_runs(runs_on, ends_meanwhile)

    runtime.freeze()
    proxy.cut_all()
    wait_until(lambda: bench.ledger.runs_of(ends_meanwhile)[0].exit_code == 3, "more than a lease has passed")
    runtime.thaw()

    assert bench.end_of(ends_meanwhile)["exit_code"] == 3
    bench.open_gate()
    assert bench.end_of(runs_on)["status"] == "completed"
    assert len(bench.ledger.runs()) == 2
    bench.assert_promises_held()


def test_jobs_that_take_every_processor_cost_their_launcher_no_lease(bench: Bench, proxy: ChaosProxy) -> None:
    bench.launcher.environment["HEARTBEAT_INTERVAL"] = "0.25"
    bench.project.put_command("ao-start", f"#!/bin/sh\nwhile [ ! -e {bench.gate} ]; do :; done\nexit 4\n")
    bench.launcher.start()
    hogs = [bench.order() for _ in range(HOGS)]
    wait_until(lambda: {bench.api.job(job)["status"] for job in hogs} == {"running"}, "all processors are taken")
    before = sum("/heartbeat" in request for request in proxy.requests)

    wait_until(lambda: sum("/heartbeat" in request for request in proxy.requests) > before + 4, "its heart beats on")
    bench.open_gate()

    assert {row["exit_code"] for row in bench.api.wait_for_all(hogs)} == {4}
    assert not any("job.lost" in moves(bench, job) for job in hogs)


def test_a_launcher_that_was_frozen_until_its_job_ran_elsewhere_ends_it_and_its_word_counts_no_more(
    bench: Bench, another: LauncherProcess
) -> None:
    bench.launcher.start()
    job_id = bench.order({"await_file": str(bench.gate)}, rerun_lost=1)
    bench.wait_until_runs(job_id)
    (old,) = bench.ledger.runs_of(job_id)
    bench.launcher.freeze()
    forget(bench)
    another.start()
    wait_until(lambda: len(bench.ledger.runs_of(job_id)) == 2, "it runs elsewhere")

    bench.launcher.thaw()
    wait_until(lambda: not psutil.pid_exists(old.pid), "what ran here is ended")
    assert bench.api.job(job_id)["status"] == "running"
    bench.open_gate()

    ended = bench.end_of(job_id)
    assert (ended["status"], ended["attempt"]) == ("completed", 2)


def test_a_job_that_takes_its_launchers_with_it_is_given_up_after_the_third_and_harms_no_other(
    bench: Bench, another: LauncherProcess
) -> None:
    # The launcher first: it would end what its dead keeper has left behind.
    kill = "import os; os.kill(int(open('launcher').read()), 9); os.kill(os.getppid(), 9)"
    poison_id = ""
    for number in range(3):
        bench.launcher.state_dir = bench.launcher.folder / f"state-{number}"
        bench.launcher.start()
        (bench.project.work / "launcher").write_text(str(bench.launcher.pid), encoding="ascii")
        if not poison_id:
            bench.project.put_command("ao-start", f'#!/bin/sh\nexec python3 -c "{kill}"\n')
            poison_id = bench.order(rerun_lost=10)
        assert bench.launcher.wait() == -signal.SIGKILL
        forget(bench)

    ended = bench.end_of(poison_id)
    bench.project.put_command("ao-start", "#!/bin/sh\nexit 6\n")
    other = bench.order()
    another.start()

    assert (ended["status"], ended["reason"], ended["attempt"]) == ("failed", "launcher_lost", 3)
    assert bench.end_of(other)["exit_code"] == 6
