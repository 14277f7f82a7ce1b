"""The checker sees each kind of breach; a checker that sees nothing would make every fault test worthless."""

from dataclasses import replace
from typing import cast

import pytest

from support.checker import violations
from support.evidence import Evidence, LeftOver
from support.ledger import Run
from support.runtime_api import EventRow, JobRow

JOB = cast(
    "JobRow",
    {
        "job_id": "job_1", "session_id": "ses_1", "status": "completed", "attempt": 1, "rerun_lost": 0, "reason": None,
        "exit_code": 0, "created_at": "2026-01-01T00:00:00Z", "claimed_at": "2026-01-01T00:00:01Z",
        "started_at": "2026-01-01T00:00:02Z", "ended_at": "2026-01-01T00:00:03Z",
    },
)  # fmt: skip
RUN = Run("job_1", 1, 100, "ao-start", "s", started_at=1.0, ended_at=2.0, exit_code=0, signal=None, beside=())


def moved(status: str, attempt: int = 1) -> EventRow:
    """An event that says where a job went."""
    return cast("EventRow", {"type": f"job.{status}", "attempt": attempt, "data": {"status": status}})


def evidence(job: JobRow = JOB, runs: tuple[Run, ...] = (RUN,), moves: tuple[EventRow, ...] | None = None) -> Evidence:
    """A house with one job in it."""
    events = moves if moves is not None else (moved("claimed"), moved("running"), moved("completed"))
    return Evidence(("job_1",), {"job_1": job}, {"job_1": list(events)}, list(runs), [])


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
    second = replace(RUN, attempt=2, started_at=2.5, ended_at=3.0, beside=(100,))

    assert any("began beside living [100]" in breach for breach in violations(evidence(runs=(RUN, second))))


@pytest.mark.parametrize("runs", [(), (replace(RUN, exit_code=3),), (replace(RUN, exit_code=None, ended_at=None),)])
def test_a_false_success_is_seen(runs: tuple[Run, ...]) -> None:
    assert any("is completed, but" in breach for breach in violations(evidence(runs=runs)))


def test_a_wrong_exit_code_is_seen() -> None:
    failed = cast("JobRow", {**JOB, "status": "failed", "reason": "nonzero_exit", "exit_code": 4})
    moves = (moved("claimed"), moved("running"), moved("failed"))

    breaches = violations(evidence(failed, (replace(RUN, exit_code=3),), moves))

    assert any("ended with 3, reported was 4" in breach for breach in breaches)


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
