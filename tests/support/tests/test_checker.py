"""The checker sees each kind of breach; a checker that sees nothing would make every fault test worthless."""

from dataclasses import replace
from typing import cast

import pytest

from support.checker import violations
from support.evidence import LeftOver
from support.ledger import Run
from support.runtime_api import JobRow
from support.sample_house import JOB, RUN, evidence, moved


def test_a_house_in_order_has_no_breach() -> None:
    assert violations(evidence()) == []


def test_a_lost_job_is_seen() -> None:
    assert "acknowledged and is gone" in violations(replace(evidence(), jobs={}))[0]


@pytest.mark.parametrize("status", ["pending", "claimed", "running", "lost"])
def test_not_being_over_without_a_reason_is_seen(status: str) -> None:
    silent = cast("JobRow", {**JOB, "status": status})

    assert any(f"is {status} without a reason" in breach for breach in violations(evidence(silent)))


def test_a_double_start_is_seen() -> None:
    assert any("started twice" in breach for breach in violations(evidence(runs=(RUN, replace(RUN, pid=101)))))


def test_overlapping_attempts_are_seen() -> None:
    second = replace(RUN, attempt=2, started_at=1.5, ended_at=3.0)

    assert any("at the same time" in breach for breach in violations(evidence(runs=(RUN, second))))


def test_an_attempt_that_began_beside_a_living_one_is_seen() -> None:
    second = replace(RUN, attempt=2, started_at=2.5, ended_at=3.0, beside=("job_1.1.100.7.start",))

    assert any(
        "began beside living ['job_1.1.100.7.start']" in breach for breach in violations(evidence(runs=(RUN, second)))
    )


@pytest.mark.parametrize("runs", [(), (replace(RUN, exit_code=3),), (replace(RUN, exit_code=None, ended_at=None),)])
def test_a_false_success_is_seen(runs: tuple[Run, ...]) -> None:
    assert any("is completed, but" in breach for breach in violations(evidence(runs=runs)))


def test_a_wrong_exit_code_is_seen() -> None:
    failed = cast("JobRow", {**JOB, "status": "failed", "reason": "nonzero_exit", "exit_code": 4})
    moves = (moved("claimed"), moved("running"), moved("failed"))

    breaches = violations(evidence(failed, (replace(RUN, exit_code=3),), moves))

    assert any("ended with 3 (signal None), reported was 4" in breach for breach in breaches)


def test_a_left_over_process_is_seen() -> None:
    left = replace(evidence(), left_over=[LeftOver(100, "job_1", "sleep 600", is_zombie=False)])

    assert any("process 100 of job job_1 is left" in breach for breach in violations(left))


def test_an_impossible_move_is_seen() -> None:
    moves = (moved("claimed"), moved("running"), moved("completed"), moved("failed"), moved("completed"))

    assert any("went from completed to failed" in breach for breach in violations(evidence(moves=moves)))


def test_an_attempt_that_goes_back_is_seen() -> None:
    moves = (moved("claimed", 2), moved("running", 1), moved("completed", 1))

    assert any("went back" in breach for breach in violations(evidence(moves=moves)))


def test_times_out_of_order_are_seen() -> None:
    early = cast("JobRow", {**JOB, "ended_at": "2025-01-01T00:00:00Z"})

    assert any("times out of order" in breach for breach in violations(evidence(early)))
