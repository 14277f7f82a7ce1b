"""The runtime is away for an hour of the launcher's own clock, which runs faster; all else is real."""

import re

import psutil

from faults.bench import Bench
from support import failpoints
from support.checker import assert_back_to
from support.evidence import Footprint
from support.project import REPOSITORY
from support.proxy import ChaosProxy
from support.waiting import wait_until

TIMES_FASTER = 400
HOUR = 3600.0
SCRIPT = REPOSITORY / "tests/support/hurried_launcher.py"
WAITED = re.compile(r"no heartbeat, trying again in ([\d.]+) s")


def hours_waited(bench: Bench) -> float:
    """How long the launcher has waited between its vain heartbeats, on its own clock."""
    return sum(float(seconds) for seconds in WAITED.findall(bench.launcher.log())) / HOUR


def test_an_hour_without_the_runtime_touches_no_job_loses_no_report_and_leaves_nothing_behind(
    bench: Bench, proxy: ChaosProxy
) -> None:
    launcher = bench.launcher
    launcher.environment |= {failpoints.LAUNCHER_VARIABLE: str(launcher.script.parent), "HURRY": str(TIMES_FASTER)}
    launcher.script = SCRIPT
    launcher.start()
    bench.api.wait_for_all([bench.order() for _ in range(4)])
    ending = [bench.order_waiting(exit=number, out=f"{number}\n") for number in range(3)]
    going_on = [bench.order({"await_file": str(bench.project.root / "later")}) for _ in range(3)]
    bench.wait_until_runs(*ending, *going_on)
    before = Footprint.of(launcher.pid)
    pids = [bench.ledger.runs_of(job_id)[0].pid for job_id in going_on]

    with proxy.outage():
        bench.open_gate()
        wait_until(lambda: hours_waited(bench) > 1, "an hour has passed")
        assert launcher.is_alive
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert_back_to(before, launcher.pid)

    assert [row["exit_code"] for row in bench.api.wait_for_all(ending)] == [0, 1, 2]
    assert all(psutil.pid_exists(pid) for pid in pids)
    (bench.project.root / "later").touch()
    bench.api.wait_for_all(going_on)
    for number, job_id in enumerate(ending):
        bench.wait_for_log(job_id, f"{number}\n".encode())
    assert_back_to(before, launcher.pid)
    bench.assert_promises_held()
