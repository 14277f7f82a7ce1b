"""The Running Jobs Registry: the mission's four methods, and a table that late changes and threads leave right."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.machines import HeldClock

from lib.attempt.attempt import (
    Attempt,
    Began,
    Change,
    Delivered,
    Dropped,
    Ended,
    Later,
    Phase,
    Reported,
    Unbegun,
)
from lib.errors import AttemptAlreadyHere
from lib.registry import RunningJobsRegistry

VERDICT = Ended({"exit_code": 0})


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def registry(clock: HeldClock) -> RunningJobsRegistry:
    return RunningJobsRegistry(clock)


def add(registry: RunningJobsRegistry, job_id: str = "job_1", attempt: int = 1) -> Attempt:
    added = attempt_of(job("s", job_id, attempt), HeldClock())
    registry.add_job(job_id, added)
    return added


def add_in(registry: RunningJobsRegistry, phase: Phase, job_id: str = "job_1") -> Attempt:
    attempt = attempt_of(job("s", job_id), HeldClock())
    changes: dict[Phase, list[Change]] = {
        Phase.BEGINNING: [],
        Phase.UNBEGUN: [Unbegun()],
        Phase.RUNNING: [Began()],
        Phase.ENDED: [Began(), VERDICT],
    }
    registry.add_job(job_id, attempt)
    for change in changes[phase]:
        registry.store(attempt, change)
    assert attempt.phase is phase
    return attempt


def take_one(registry: RunningJobsRegistry) -> Attempt | None:
    """Take the next attempt that is due, if there is one."""
    return next(iter(registry.take(0, 1)), None)


def test_a_job_is_found_until_it_is_removed(registry: RunningJobsRegistry) -> None:
    one = add(registry)

    found = registry.get_job("job_1")
    assert found is not None
    assert (found.process, found.started_at) == (one, None)
    assert registry.get_job("job_2") is None
    registry.remove_job("job_1")
    registry.remove_job("job_1")
    assert registry.get_job("job_1") is None
    assert registry.attempts() == []


def test_the_running_jobs_are_those_that_run_or_are_about_to(registry: RunningJobsRegistry) -> None:
    attempts = {phase: add_in(registry, phase, f"job_{phase.value}") for phase in Phase}

    running = registry.get_running_jobs()

    assert {name: held.process for name, held in running.items()} == {
        f"job_{phase.value}": attempt for phase, attempt in attempts.items() if phase is not Phase.ENDED
    }
    assert registry.at_work() == set(running)
    assert registry.get_job("job_ended") is None


def test_a_running_job_says_when_it_was_granted(registry: RunningJobsRegistry, clock: HeldClock) -> None:
    attempt = add(registry)
    before = datetime.now(UTC)
    registry.store(attempt, Began())

    found = registry.get_job("job_1")
    assert found is not None
    assert found.started_at is not None
    assert before <= found.started_at <= datetime.now(UTC)
    registry.store(attempt, Began())
    assert attempt.started_at == found.started_at


def test_a_copy_of_the_record_does_not_change_it(registry: RunningJobsRegistry) -> None:
    add(registry)

    registry.get_running_jobs().clear()
    registry.attempts().clear()

    assert list(registry.get_running_jobs()) == ["job_1"]
    assert len(registry.attempts()) == 1


def test_the_process_answers_as_a_popen_does(registry: RunningJobsRegistry) -> None:
    attempt = add_in(registry, Phase.RUNNING)
    assert (attempt.poll(), attempt.returncode) == (None, None)

    registry.store(attempt, Ended({"exit_code": None, "signal": 9}))

    assert (attempt.poll(), attempt.returncode) == (-9, -9)
    assert attempt_with(registry, {"exit_code": 3}).poll() == 3
    assert attempt_with(registry, {"reason": "shim_died"}).poll() == -9


def attempt_with(registry: RunningJobsRegistry, verdict: dict[str, int | str]) -> Attempt:
    attempt = add(registry, f"job_{len(registry.attempts()) + 5}")
    registry.store(attempt, Ended({**verdict}))
    return attempt


@pytest.mark.parametrize("phase", [Phase.BEGINNING, Phase.UNBEGUN, Phase.RUNNING])
def test_two_attempts_of_a_job_are_never_at_work_at_once(registry: RunningJobsRegistry, phase: Phase) -> None:
    first = add_in(registry, phase)

    for number in (1, 2):
        with pytest.raises(AttemptAlreadyHere, match="cannot take up job 'job_1': an attempt of it is still here"):
            add(registry, attempt=number)

    assert registry.attempts() == [first]


@pytest.mark.parametrize("phase", Phase)
def test_only_what_is_being_given_back_is_let_go_of_for_a_later_attempt(
    registry: RunningJobsRegistry, phase: Phase
) -> None:
    first = add_in(registry, phase)
    add_in(registry, Phase.UNBEGUN, "job_2")

    is_given_back = phase is Phase.UNBEGUN
    assert registry.unbegun_before(job("s", "job_1", 2)) == ([first] if is_given_back else [])
    for number in (0, 1):
        assert registry.unbegun_before(job("s", "job_1", number)) == []


def test_an_attempt_that_is_to_be_delivered_is_not_taken_up_again_but_the_next_one_is(
    registry: RunningJobsRegistry,
) -> None:
    add_in(registry, Phase.ENDED)
    with pytest.raises(AttemptAlreadyHere):
        add(registry, attempt=1)

    add(registry, attempt=2)

    assert [attempt.key for attempt in registry.attempts()] == ["job_1.1", "job_1.2"]


_B, _U, _R, _E = Phase.BEGINNING, Phase.UNBEGUN, Phase.RUNNING, Phase.ENDED


@pytest.mark.parametrize(
    ("phase", "change", "after"),
    [
        *[
            (_B, Began(), _R),
            (_B, Unbegun(), _U),
            (_B, VERDICT, _E),
            (_B, Dropped(""), None),
            (_B, Delivered(""), None),
        ],
        *[(_U, Began(), _R), (_U, Unbegun(), _U), (_U, VERDICT, _E), (_U, Dropped(""), None), (_U, Later(1), _U)],
        *[(_R, Began(), _R), (_R, Unbegun(), _R), (_R, VERDICT, _E), (_R, Later(1), _R)],
        *[(_E, Began(), _E), (_E, Unbegun(), _E), (_E, Ended({"exit_code": 7}), _E), (_E, Later(1), _E)],
        *[(_E, Reported(), _E), (_E, Delivered(""), None)],
    ],
)
def test_each_change_in_each_phase(
    registry: RunningJobsRegistry, phase: Phase, change: Change, after: Phase | None
) -> None:
    attempt = add_in(registry, phase)

    registry.store(attempt, change)

    if after is None:
        assert registry.attempts() == []
        return
    assert (registry.attempts(), attempt.phase) == ([attempt], after)
    assert (attempt.verdict == VERDICT.verdict) is (after is _E)  # the first one stands
    assert attempt.is_reported is isinstance(change, Reported)


@pytest.mark.parametrize(
    "change", [Began(), Unbegun(), VERDICT, Later(0), Reported(), Delivered(""), Dropped("")], ids=repr
)
def test_a_change_of_what_is_over_changes_nothing_and_tells_nobody(
    registry: RunningJobsRegistry, change: Change
) -> None:
    told: list[object] = []
    registry.tell(lambda: told.append("place"), lambda *over: told.append(over))
    old = add_in(registry, Phase.ENDED)
    registry.store(old, Delivered("reported"))
    new = add(registry)  # the same attempt's number again, of a runtime that does not count them
    told.clear()

    registry.store(old, change)

    assert (registry.attempts(), new.phase, told) == ([new], Phase.BEGINNING, [])
    assert take_one(registry) is None


def test_a_free_place_and_an_end_are_told_once_each(registry: RunningJobsRegistry) -> None:
    told: list[object] = []
    registry.tell(lambda: told.append("place"), lambda attempt, change: told.append((attempt.key, change)))
    attempt = add_in(registry, Phase.RUNNING)
    registry.store(attempt, VERDICT)
    assert told == ["place"]
    registry.store(attempt, VERDICT)
    registry.store(attempt, Reported())
    assert told == ["place"]

    registry.store(attempt, Delivered("reported"))

    assert told == ["place", ("job_1.1", Delivered("reported")), "place"]


def test_what_is_due_is_given_to_one_and_only_when_it_is_due(registry: RunningJobsRegistry, clock: HeldClock) -> None:
    first, second = (add_in(registry, Phase.ENDED, name) for name in ("job_1", "job_2"))
    add_in(registry, Phase.RUNNING, "job_3")

    assert [registry.take(0, 32), registry.take(0, 32)] == [[first, second], []]
    registry.store(second, Later(60))
    registry.store(first, Later(0))
    assert [take_one(registry), take_one(registry)] == [first, None]
    clock.now += 60
    assert [take_one(registry), take_one(registry)] == [second, None]
    assert (first.tries, second.tries) == (1, 1)


def test_a_stop_brings_forward_what_is_still_to_be_given_back(registry: RunningJobsRegistry) -> None:
    attempt = add_in(registry, Phase.UNBEGUN)
    assert take_one(registry) is attempt
    registry.store(attempt, Later(600))

    registry.mark_stop(attempt, "stopped_by_user")

    assert [take_one(registry), take_one(registry)] == [attempt, None]
    assert attempt.stop == "stopped_by_user"


def test_a_stop_of_what_is_in_somebodys_hands_gives_it_to_nobody_else(registry: RunningJobsRegistry) -> None:
    attempt = add_in(registry, Phase.UNBEGUN)
    assert take_one(registry) is attempt

    registry.mark_stop(attempt, "stopped_by_user")

    assert take_one(registry) is None


def test_an_end_that_comes_while_somebody_gives_the_attempt_back_is_given_out_after_that(
    registry: RunningJobsRegistry,
) -> None:
    attempt = add_in(registry, Phase.UNBEGUN)
    assert take_one(registry) is attempt
    registry.store(attempt, VERDICT)

    registry.store(attempt, Later(600))

    assert [take_one(registry), take_one(registry)] == [attempt, None]


def test_what_may_yet_begin_takes_a_place_and_what_has_ended_does_not(registry: RunningJobsRegistry) -> None:
    for phase in Phase:
        add_in(registry, phase, f"job_{phase.value}")

    assert registry.at_work() == {"job_beginning", "job_unbegun", "job_running"}
    assert [attempt.job.job_id for attempt in registry.to_deliver()] == ["job_unbegun", "job_ended"]


def test_the_runtime_is_told_of_all_that_it_does_not_know_the_end_of(registry: RunningJobsRegistry) -> None:
    attempts = {phase: add_in(registry, phase, f"job_{phase.value}") for phase in Phase}
    assert [held.job_id for held in registry.held()] == ["job_beginning", "job_unbegun", "job_running", "job_ended"]
    assert registry.unreported() == 2

    registry.store(attempts[Phase.ENDED], Reported())
    registry.mark_dropped(attempts[Phase.RUNNING], "fenced_off")
    assert [held.job_id for held in registry.held()] == ["job_beginning", "job_unbegun"]
    assert registry.unreported() == 1
    registry.mark_known(attempts[Phase.UNBEGUN])
    assert registry.unreported() == 0


def test_what_is_found_at_the_start_is_taken_up_whatever_else_is_here(registry: RunningJobsRegistry) -> None:
    running, ended = (attempt_of(job("s", "job_1", number), HeldClock()) for number in (2, 1))
    registry.take_up(running, Began())
    registry.take_up(ended, VERDICT)

    assert {attempt.key: attempt.phase for attempt in registry.attempts()} == {
        "job_1.2": Phase.RUNNING,
        "job_1.1": Phase.ENDED,
    }
    assert registry.find("job_1.1") is ended
    assert registry.find("job_1.3") is None
