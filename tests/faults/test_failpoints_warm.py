"""Keeper, launcher or warm parent are killed at each step of a warm start: what was granted runs once, or its end is
said, and nothing is left."""

import pytest

from faults.bench import SHORT, Bench
from support.waiting import wait_until

STEPS = ("before_asked", "before_answered", "before_let_through", "after_let_through")


def begin(bench: Bench, points: str) -> str:
    """Start a launcher whose warm parent is ready, and order a job."""
    bench.project.with_warm_commands()
    bench.start_to_fail(points)
    wait_until(bench.launcher.keepers.warm_parents, "the warm parent is ready")
    return bench.order(SHORT)


@pytest.mark.parametrize("action", ["kill", "kill_both"])
@pytest.mark.parametrize("step", STEPS)
def test_a_keeper_that_is_killed_at_a_step_of_a_warm_start_leaves_nothing_that_runs_on(
    bench: Bench, step: str, action: str
) -> None:
    when, _, what = step.partition("_")
    point = f"keeper_{when}_warm_{what}"
    job_id = begin(bench, f"{point}=1*{action}")
    if action == "kill_both":
        bench.assert_its_end_comes_to_it(point)
        bench.start_well()

    ended = bench.end_of(job_id)
    bench.assert_reached(point)
    assert (ended["status"], ended["exit_code"] or ended["reason"]) in {("failed", "shim_died"), ("failed", 3)}
    bench.assert_promises_held()
    assert len(bench.ledger.runs_of(job_id)) <= 1


@pytest.mark.parametrize("step", STEPS)
def test_a_warm_parent_that_is_killed_at_a_step_of_a_start_costs_no_job(bench: Bench, step: str) -> None:
    job_id = begin(bench, f"warm_{step}=1*kill_other")

    ended = bench.end_of(job_id)
    bench.assert_reached(f"warm_{step}")
    assert (ended["status"], ended["exit_code"]) == ("failed", 3)
    assert len(bench.ledger.runs_of(job_id)) == 1
    wait_until(bench.launcher.keepers.warm_parents, "there is another one")
    bench.assert_promises_held()
