"""A thread of the launcher that dies or hangs is noticed; the process ends, and its jobs live on."""

import pytest

from faults.bench import Bench

WATCHDOG_EXIT = 70


@pytest.mark.parametrize(
    ("thread", "point"),
    [
        ("poll", "after_poll_sent=1*off->die"),
        ("supervisor", "after_ended_heard=1*die"),
        ("reporter", "before_completed_sent=1*die"),
        ("heartbeat", "before_heartbeat_sent=1*off->die"),
    ],
)
def test_a_thread_that_died_is_noticed_and_no_job_is_harmed(bench: Bench, thread: str, point: str) -> None:
    bench.launcher.environment["HEARTBEAT_INTERVAL"] = "1"
    bench.start_to_fail(point)
    long = bench.order_waiting(exit=5)
    bench.wait_until_runs(long)
    short = bench.order()

    assert bench.launcher.wait(90) == WATCHDOG_EXIT, bench.launcher.log()
    assert f"thread {thread}" in bench.launcher.log()
    bench.start_well()
    bench.open_gate()
    assert (bench.end_of(short)["status"], bench.end_of(long)["exit_code"]) == ("completed", 5)
    bench.assert_promises_held()


def test_a_thread_that_hangs_is_noticed_and_no_job_is_harmed(bench: Bench) -> None:
    bench.start_to_fail("after_ended_heard=1*hang")
    long = bench.order_waiting(exit=5)
    bench.wait_until_runs(long)
    short = bench.order()

    assert bench.launcher.wait(90) == WATCHDOG_EXIT, bench.launcher.log()
    assert "thread supervisor shows no life" in bench.launcher.log()
    bench.start_well()
    bench.open_gate()
    assert (bench.end_of(short)["status"], bench.end_of(long)["exit_code"]) == ("completed", 5)
    bench.assert_promises_held()
