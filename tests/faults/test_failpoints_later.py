"""The launcher is killed, alone or with its keeper, from the grant to the acknowledged end, or while it stops a job."""

import pytest

from faults.bench import SHORT, Bench

STEPS = (
    "after_go_told",
    "after_ended_heard",
    "before_log_sent",
    "after_log_sent",
    "before_failed_sent",
    "after_failed_sent",
    "before_acknowledge_told",
    "after_acknowledge_told",
)
# The keeper writes it down before it says it, and the command has left a note: nothing is lost with both of them.
ALONE_OR_BOTH = ("kill", "kill_both")


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", STEPS[1:])
def test_a_launcher_that_is_killed_once_a_job_has_ended_reports_what_happened(
    bench: Bench, step: str, action: str
) -> None:
    job_id = bench.order(SHORT)

    bench.start_to_fail(f"{step}=1*{action}")
    bench.assert_its_end_comes_to_it(step)
    bench.start_well()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"], len(bench.ledger.runs_of(job_id))) == ("failed", 3, 1)
    bench.assert_promises_held()


def test_a_launcher_that_is_killed_once_a_job_may_begin_loses_nothing_and_runs_nothing_twice(bench: Bench) -> None:
    job_id = bench.order(SHORT)

    bench.start_to_fail("after_go_told=1*kill")
    bench.assert_its_end_comes_to_it("after_go_told")
    bench.start_well()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"], len(bench.ledger.runs_of(job_id))) == ("failed", 3, 1)
    bench.assert_promises_held()


def test_a_launcher_and_its_keeper_that_are_killed_as_a_job_begins_run_it_once_at_most(bench: Bench) -> None:
    job_id = bench.order(SHORT)

    bench.start_to_fail("after_go_told=1*kill_both")
    bench.assert_its_end_comes_to_it("after_go_told")
    bench.start_well()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"] or ended["reason"]) in {("failed", 3), ("failed", "shim_died")}
    assert len(bench.ledger.runs_of(job_id)) <= 1
    bench.assert_promises_held()


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", ["before_stop_told", "after_stop_told"])
def test_a_launcher_that_is_killed_while_it_stops_a_job_stops_it_in_its_next_life(
    bench: Bench, step: str, action: str
) -> None:
    bench.start_to_fail(f"{step}=1*{action}")
    job_id = bench.order_waiting()
    bench.wait_until_runs(job_id)
    bench.api.stop_job(job_id)
    bench.assert_its_end_comes_to_it(step)
    bench.start_well()

    assert bench.end_of(job_id)["status"] == "stopped"
    bench.assert_promises_held()


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
def test_a_launcher_that_is_killed_before_it_gave_a_claim_back_gives_it_back_in_its_next_life(
    bench: Bench, action: str
) -> None:
    job_id = bench.order(SHORT)
    bench.start_to_fail(f"before_started_sent=1*{action}")
    bench.launcher.wait(60)
    bench.start_to_fail(f"before_declined_sent=1*{action}")
    bench.assert_its_end_comes_to_it("before_declined_sent")
    bench.start_well()

    assert bench.end_of(job_id)["exit_code"] == 3
    bench.assert_promises_held()
