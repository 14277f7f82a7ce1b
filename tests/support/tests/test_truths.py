"""What a runtime tells wrongly of an attempt is seen by what its processes wrote down."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from support.checker import violations
from support.evidence import Circumstances, Evidence
from support.ledger import CommandSpan, Lived
from support.runtime_api import JobRow
from support.sample_house import JOB, RUN, STARTED_AT, evidence, happened, moved

SPAN = CommandSpan(STARTED_AT + 0.05, STARTED_AT + 1.01, "/state/runs/x/outcome.json")


def told(**facts: object) -> JobRow:
    """The job as it is told otherwise."""
    return cast("JobRow", {**JOB, **facts})


def failed(**facts: object) -> Evidence:
    """The house with the job told to have failed."""
    moves = (moved("claimed"), moved("running"), moved("failed"))
    return evidence(told(status="failed", **facts), moves=moves)


def watched(job: JobRow = JOB, span: CommandSpan = SPAN, **circumstances: object) -> Evidence:
    """The house with a witness of its command."""
    seen = Circumstances(**circumstances)  # type: ignore[arg-type]  # the tests name its fields
    return replace(evidence(job), commands={("job_1", 1): span}, circumstances=seen)


def finds(house: Evidence, sentence: str) -> bool:
    """Whether one of the breaches says so."""
    return any(sentence in breach for breach in violations(house))


@pytest.mark.parametrize("reason", ["nonzero_exit", "signal", "internal_error", "unwitnessed", "shim_died"])
def test_a_success_that_is_told_as_a_failure_is_seen(reason: str) -> None:
    assert finds(failed(reason=reason, exit_code=1), "is failed")


def test_a_keepers_death_that_did_not_happen_is_seen() -> None:
    died = failed(reason="shim_died", exit_code=None)
    unknown = replace(died, runs=[replace(RUN, exit_code=None, ended_at=None, ended_wall=None)])
    deaths = Circumstances(keeper_deaths=(("/state", STARTED_AT + 0.5),))

    assert finds(unknown, "nobody killed its keeper")
    assert not finds(replace(unknown, commands={("job_1", 1): SPAN}, circumstances=deaths), "nobody killed its keeper")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"ended_at": "2026-01-01T00:00:02.500000Z"}, "before its process"),
        ({"run_seconds": 0.5}, "it ran for 0.5 s, its process for 0.900 s"),
        ({"started_at": "2026-01-01T00:00:02.900000Z"}, "after its process"),
    ],
)
def test_times_that_are_too_early_are_seen(facts: dict[str, object], sentence: str) -> None:
    assert finds(evidence(told(**facts)), sentence)


@pytest.mark.parametrize("facts", [{"ended_at": "2026-01-01T00:00:09Z"}, {"run_seconds": 7.0}])
def test_times_that_are_too_late_are_seen_but_for_a_keeper_that_was_killed(facts: dict[str, object]) -> None:
    late = told(**facts)

    assert finds(watched(late), "command")
    assert not finds(watched(late, late_seconds=10.0), "command")
    assert not finds(watched(late, keeper_deaths=(("/state", STARTED_AT + 0.5),)), "command")
    assert finds(watched(late, keeper_deaths=(("/other", STARTED_AT + 0.5),)), "command")


def test_what_lived_when_its_attempt_was_told_to_be_over_is_seen() -> None:
    life = Lived(Path("/dev/null"), "job_1", 1, 100, "7", "child", STARTED_AT + 1.5)

    assert finds(replace(evidence(), lives=(life,)), "child 100 of job job_1 lived 0.400 s after attempt 1 was over")


@pytest.mark.parametrize(("text", "sentence"), [("hell", "ends with"), ("ello", "begins with")])
def test_a_result_without_its_beginning_or_end_is_seen(text: str, sentence: str) -> None:
    moves = (moved("claimed"), moved("running"), happened("result", {"text": text}), moved("completed"))

    assert finds(evidence(moves=moves), sentence)


def test_a_lost_result_is_seen() -> None:
    assert finds(evidence(moves=(moved("claimed"), moved("running"), moved("completed"))), "is missing")


def test_more_events_than_a_turn_may_tell_are_seen() -> None:
    flood = happened("message", {"text": "x" * (15 * 1024 * 1024)})

    assert finds(evidence(moves=(moved("claimed"), moved("running"), flood, moved("completed"))), "bytes")


def test_a_success_beyond_the_output_limit_is_seen() -> None:
    assert finds(watched(output_limit_bytes=4), "printed 5 characters of 4 bytes")


def test_a_job_outside_its_root_is_seen() -> None:
    assert finds(watched(root="/project/other"), "worked in /project/work, outside /project/other")
    assert not finds(watched(root="/project"), "outside")


def test_a_runtimes_own_mistake_is_seen() -> None:
    assert finds(replace(evidence(), mistakes=("GET /jobs was answered 500: {}",)), "was answered 500")
