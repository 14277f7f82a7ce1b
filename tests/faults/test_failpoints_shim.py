"""The shim is killed at each step of its life: what it did not write down is found out, and nothing runs twice."""

import pytest

from faults.bench import SHORT, Bench
from support.waiting import wait_until


@pytest.mark.parametrize("step", ["lock_taken", "identity_written", "gate_passed"])
def test_a_shim_that_is_killed_before_the_command_began_costs_no_job(bench: Bench, step: str) -> None:
    job_id = bench.order(SHORT)

    bench.start_to_fail(f"shim_{step}=1*kill")
    # Each shim of this life dies at the step, as each is a fork of a server that has not come to it.
    bench.launcher.wait_for_line("job")
    wait_until(lambda: "could not be started" in bench.launcher.log() or "never ran" in bench.launcher.log(),
               "the launcher noticed")  # fmt: skip
    bench.launcher.kill()
    bench.start_well()
    ended = bench.end_of(job_id)

    assert ended["status"] == "failed"
    assert ended["reason"] in ("spawn_failed", "nonzero_exit")
    assert len(bench.ledger.runs_of(job_id)) <= 1
    bench.assert_promises_held()


@pytest.mark.parametrize(
    "step", ["started_written", "command_started", "command_ended", "verdict_written", "verdict_synced"]
)
def test_a_shim_that_is_killed_while_the_command_runs_is_settled_at_once(bench: Bench, step: str) -> None:
    job_id = bench.order({"exit": 3} if "verdict" in step or "ended" in step else {"seconds": 600})

    bench.start_to_fail(f"shim_{step}=1*kill")
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["reason"]) == ("failed", "shim_died")
    bench.assert_promises_held()


@pytest.mark.parametrize("step", ["verdict_renamed", "end_told"])
def test_a_shim_that_is_killed_after_its_verdict_changes_nothing(bench: Bench, step: str) -> None:
    job_id = bench.order(SHORT)

    bench.start_to_fail(f"shim_{step}=1*kill")
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["reason"], ended["exit_code"]) == ("failed", "nonzero_exit", 3)
    bench.assert_promises_held()
