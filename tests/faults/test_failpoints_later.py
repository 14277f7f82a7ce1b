"""The launcher is killed at each step from the grant to the acknowledged end, or while it stops or returns a job."""

import signal

import pytest

from faults.bench import SHORT, Bench

STEPS = (
    "before_started_sent",
    "after_started_sent",
    "before_gate_opened",
    "after_gate_opened",
    "after_end_noticed",
    "before_log_sent",
    "after_log_sent",
    "before_failed_sent",
    "after_failed_sent",
    "before_acked_written",
    "after_acked_written",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_launcher_that_is_killed_once_a_job_may_begin_loses_nothing_and_runs_nothing_twice(
    bench: Bench, step: str
) -> None:
    bench.assert_a_kill_harms_nothing(step)


@pytest.mark.parametrize("step", ["before_stop_written", "after_stop_written", "after_stop_renamed"])
def test_a_launcher_that_is_killed_while_it_stops_a_job_stops_it_in_its_next_life(bench: Bench, step: str) -> None:
    bench.start_to_fail(f"{step}=1*kill")
    job_id = bench.order_waiting()
    bench.wait_until_runs(job_id)
    bench.api.stop_job(job_id)
    assert bench.launcher.wait(60) == -signal.SIGKILL
    bench.start_well()

    assert bench.end_of(job_id)["status"] == "stopped"
    bench.assert_promises_held()


def test_a_launcher_that_is_killed_before_it_gave_a_claim_back_gives_it_back_in_its_next_life(bench: Bench) -> None:
    job_id = bench.order(SHORT)
    bench.start_to_fail("before_started_sent=1*kill")
    bench.launcher.wait(60)
    bench.start_to_fail("before_declined_sent=1*kill")
    bench.launcher.wait(60)
    bench.start_well()

    assert bench.end_of(job_id)["exit_code"] == 3
    bench.assert_promises_held()
