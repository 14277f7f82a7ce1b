"""The launcher, then the shim, is killed at each step of an attempt's life; the recovery table holds at every one."""

import signal

import pytest

from faults.bench import Bench
from support.waiting import wait_until

LONG_PROMPT = '{"out": "said\\n", "exit": 3, "err": "' + "x" * 100_000 + '"}'
SHORT = {"out": "said\n", "exit": 3}

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
def test_a_launcher_that_is_killed_at_any_step_loses_nothing_and_runs_nothing_twice(bench: Bench, step: str) -> None:
    job_id = bench.order(LONG_PROMPT if "prompt" in step else SHORT)

    bench.start_to_fail(f"{step}=1*kill")
    assert bench.launcher.wait(60) == -signal.SIGKILL, f"it never came to {step}:\n{bench.launcher.log()}"
    bench.start_well()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"], len(bench.ledger.runs_of(job_id))) == ("failed", 3, 1)
    bench.assert_promises_held()


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
