"""The launcher is killed at each step from its registration to a shim at its gate; the recovery table holds at each."""

import pytest

from faults.bench import Bench

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
    "before_order_written",
    "after_order_written",
    "after_order_renamed",
    "before_shim_forked",
    "after_shim_forked",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_launcher_that_is_killed_before_a_job_may_begin_loses_nothing_and_runs_nothing_twice(
    bench: Bench, step: str
) -> None:
    bench.assert_a_kill_harms_nothing(step)
