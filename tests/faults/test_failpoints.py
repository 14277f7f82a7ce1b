"""The launcher is killed, alone or with its keeper, at each step until a job may begin; the next life loses nothing."""

import pytest

from faults.bench import LONG_PROMPT, SHORT, Bench

STEPS = (
    "before_register_sent",
    "after_register_sent",
    "before_identity_written",
    "after_identity_written",
    "after_identity_renamed",
    "after_poll_sent",
    "before_folder_made",
    "after_folder_made",
    "before_prompt_written",
    "after_prompt_written",
    "before_order_told",
    "after_order_told",
    "after_ordered_heard",
    "before_started_sent",
    "after_started_sent",
    "before_go_told",
)
STEPS_WITH_A_KEEPER = (
    "before_hello_told",
    "after_hello_told",
    "after_hello_heard",
    *STEPS[STEPS.index("after_poll_sent") :],
)


@pytest.mark.parametrize("step", STEPS)
def test_a_launcher_that_is_killed_before_a_job_may_begin_loses_nothing_and_runs_nothing_twice(
    bench: Bench, step: str
) -> None:
    assert_a_kill_harms_nothing(bench, step, "kill")


@pytest.mark.parametrize("step", STEPS_WITH_A_KEEPER)
def test_a_launcher_and_its_keeper_that_are_killed_before_a_job_may_begin_lose_nothing_and_run_nothing_twice(
    bench: Bench, step: str
) -> None:
    assert_a_kill_harms_nothing(bench, step, "kill_both")


def assert_a_kill_harms_nothing(bench: Bench, step: str, action: str) -> None:
    """The job runs once, in the life after the kill, and ends as it ends."""
    job_id = bench.order(LONG_PROMPT if "prompt" in step else SHORT)

    bench.start_to_fail(f"{step}=1*{action}")
    bench.assert_its_end_comes_to_it(step)
    bench.start_well()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"], len(bench.ledger.runs_of(job_id))) == ("failed", 3, 1)
    bench.assert_promises_held()
