"""The keeper is killed, alone or with its launcher, at each step of its life; what happened is found out, nothing runs
twice, and nothing is left."""

import pytest

from faults.bench import SHORT, Bench
from support.waiting import wait_until

pytestmark = pytest.mark.long

# Nothing has run yet, and the journal says so.
UNTIL_THE_GRANT = (
    "keeper_before_journal_read",
    "keeper_after_journal_read",
    "keeper_before_rewritten",
    "keeper_after_rewritten",
    "keeper_before_hello_told",
    "keeper_after_hello_told",
    "keeper_before_output_made",
    "keeper_after_output_made",
    "keeper_before_room_reserved",
    "keeper_after_room_reserved",
    "keeper_before_ordered_written",
    "keeper_after_ordered_written",
    "keeper_before_ordered_told",
    "keeper_after_ordered_told",
    "keeper_before_place_made",
    "keeper_after_place_made",
    "keeper_before_granted_written",
)
# Something may have run; whose number was not written down is ended.
UNTIL_THE_SPAWN_IS_KNOWN = (
    "keeper_after_granted_written",
    "keeper_before_spawn",
    "keeper_after_spawn",
    "keeper_before_spawned_written",
)
FROM_THERE = (
    "keeper_after_spawned_written",
    "keeper_after_ends_collected",
    "keeper_before_place_emptied",
    "keeper_after_place_emptied",
    "keeper_before_ended_written",
    "keeper_after_ended_written",
    "keeper_before_synced",
    "keeper_after_synced",
    "keeper_before_ended_told",
    "keeper_after_ended_told",
    "keeper_before_acknowledged_written",
    "keeper_after_acknowledged_written",
)
ALONE_OR_BOTH = ("kill", "kill_both")


def ends_as_recorded(bench: Bench, step: str, action: str) -> tuple[str, int | str | None]:
    """Order a job, let the kill come at the step, and wait for the job's end in whichever life it comes."""
    job_id = bench.order(SHORT)
    bench.start_to_fail(f"{step}=1*{action}")
    if action == "kill_both":
        bench.assert_its_end_comes_to_it(step)
        bench.start_well()
    ended = bench.end_of(job_id)
    bench.assert_reached(step)
    bench.assert_promises_held()
    assert len(bench.ledger.runs_of(job_id)) <= 1
    return ended["status"], ended["exit_code"] or ended["reason"]


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", UNTIL_THE_GRANT)
def test_a_keeper_that_is_killed_before_the_grant_is_written_costs_no_job(bench: Bench, step: str, action: str) -> None:
    assert ends_as_recorded(bench, step, action) == ("failed", 3)


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", UNTIL_THE_SPAWN_IS_KNOWN)
def test_a_keeper_that_is_killed_as_the_command_begins_leaves_nothing_that_runs_on(
    bench: Bench, step: str, action: str
) -> None:
    assert ends_as_recorded(bench, step, action) in {("failed", "shim_died"), ("failed", 3)}


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", FROM_THERE)
def test_a_keeper_that_is_killed_while_the_command_runs_or_ends_loses_no_exit_code(
    bench: Bench, step: str, action: str
) -> None:
    assert ends_as_recorded(bench, step, action) == ("failed", 3)


@pytest.mark.parametrize("action", ALONE_OR_BOTH)
@pytest.mark.parametrize("step", ["keeper_before_asked", "keeper_after_asked", "keeper_before_killed"])
@pytest.mark.parametrize("script", [{}, {"ignore_term": True, "daemons": 2}], ids=["heeds", "ignores"])
def test_a_keeper_that_is_killed_while_it_stops_a_job_has_it_stopped_all_the_same(
    bench: Bench, step: str, action: str, script: dict[str, object]
) -> None:
    bench.start_to_fail(f"{step}=1*{action}")
    job_id = bench.order({"await_file": str(bench.gate), "daemons": 1, **script}, stop_grace_seconds=0.3)
    wait_until(lambda: any(one.what == "child" for one in bench.ledger.living(job_id)), "its daemon lives")
    bench.api.stop_job(job_id)
    if action == "kill_both":
        bench.assert_its_end_comes_to_it(step)
        bench.start_well()

    assert bench.end_of(job_id)["status"] == "stopped"
    bench.assert_reached(step)
    bench.assert_promises_held()


@pytest.mark.parametrize(
    "step",
    [
        "rewritten",
        "output_made",
        "room_reserved",
        "ordered_written",
        "granted_written",
        "spawned_written",
        "ended_written",
        "synced",
        "acknowledged_written",
    ],
)
def test_a_disk_that_takes_nothing_at_a_step_of_the_keeper_costs_no_job_and_no_exit_code(
    bench: Bench, step: str
) -> None:
    job_id = bench.order(SHORT)
    bench.start_to_fail(f"keeper_before_{step}=2*error")
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"], len(bench.ledger.runs_of(job_id))) == ("failed", 3, 1)
    bench.assert_promises_held()
