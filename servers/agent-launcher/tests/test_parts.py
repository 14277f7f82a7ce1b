"""The small parts: waiting, looping, watching, admitting, and the phases of a launcher's life."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.configs import config_of
from launcher_rig.machines import HeldTime

from lib.admission import SHORT_OF_MEMORY, Admission, Admitted
from lib.config import Bounds
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine.backoff import Backoff
from lib.machine.loop import Loop
from lib.machine.machine import Machine
from lib.machine.watchdog import EXIT_CODE, Watchdog
from lib.registry import RunningJobsRegistry
from support.waiting import wait_until


@pytest.fixture
def clock() -> HeldTime:
    return HeldTime()


class Hanging:
    """A step that hangs until it is told not to."""

    def __init__(self) -> None:
        self.entered, self.told = threading.Event(), threading.Event()

    def __call__(self) -> float:
        self.entered.set()
        self.told.wait(60)
        return 0.0


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    step = Hanging()
    yield step
    step.told.set()


@pytest.fixture
def loop_of(clock: HeldTime) -> Iterator[Callable[[Callable[[], float]], Loop]]:
    """Start loops that may be silent for five seconds; they end with the test."""
    loops: list[Loop] = []

    def start(step: Callable[[], float]) -> Loop:
        loops.append(Loop("worker", step, stale_seconds=5.0, machine=clock))
        loops[-1].start()
        return loops[-1]

    yield start
    for loop in loops:
        loop.stop()


def test_backoff_doubles_to_thirty_seconds_with_equal_jitter() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.failed() for _ in range(10)]

    ceilings = [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert all(ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))


def test_the_first_retry_after_having_been_connected_is_spread_over_five_seconds() -> None:
    waits = []
    for seed in range(200):
        backoff = Backoff(random.Random(seed))
        backoff.succeeded()
        waits.append(backoff.failed())
        assert backoff.failed() <= 0.5  # and only the first

    assert min(waits) < 0.5
    assert 4.5 < max(waits) <= 5


def test_a_loop_goes_on_after_an_error_and_ends_when_told(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    steps: list[int] = []
    enough = threading.Event()

    def step() -> float:
        steps.append(1)
        if len(steps) == 1:
            raise RuntimeError("once")
        enough.set()
        return 600.0

    loop = Loop("test", step, stale_seconds=5, machine=machine)
    loop.start()
    loop.wake()
    assert enough.wait(60)
    loop.stop()
    assert loop.join(60)
    assert "test failed; it goes on" in caplog.text


def test_a_wait_ends_when_the_loop_is_woken(loop_of: Callable[[Callable[[], float]], Loop]) -> None:
    steps: list[int] = []
    loop = loop_of(lambda: steps.append(1) or 3600.0)  # type: ignore[func-returns-value]
    wait_until(lambda: len(steps) == 1 and loop._due, "it waits")

    loop.wake()

    wait_until(lambda: len(steps) == 2, "it goes on")


def test_a_loop_that_hangs_is_deaf_and_shows_life_between_the_parts_of_a_long_step(
    clock: HeldTime, hanging: Hanging, loop_of: Callable[[Callable[[], float]], Loop]
) -> None:
    loop = loop_of(hanging)
    assert hanging.entered.wait(60)
    clock.pass_time(4.9)
    assert not loop.is_deaf()
    clock.pass_time(0.2)
    assert loop.is_deaf()

    loop.stamp()

    assert not loop.is_deaf()


def test_a_loop_that_waits_as_long_as_it_chose_is_not_deaf_and_one_that_oversleeps_is(
    clock: HeldTime, loop_of: Callable[[Callable[[], float]], Loop]
) -> None:
    loop = loop_of(lambda: 60.0)
    wait_until(lambda: loop._due, "it waits")
    clock.pass_time(64.9)
    assert not loop.is_deaf()

    clock.pass_time(0.2)

    assert loop.is_deaf()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_whose_thread_died_is_deaf_at_once(loop_of: Callable[[Callable[[], float]], Loop]) -> None:
    def die() -> float:
        raise SystemExit

    loop = loop_of(die)
    assert loop.join(60)

    assert loop.is_deaf()


def test_a_loop_that_was_told_to_end_or_has_not_begun_is_not_deaf(clock: HeldTime) -> None:
    loop = Loop("never", lambda: 0.0, stale_seconds=5.0, machine=clock)
    clock.pass_time(100)
    assert not loop.is_deaf()
    loop.stop()
    assert not loop.is_deaf()


def test_the_watchdog_bites_when_a_thread_is_deaf_and_says_where_it_stands(
    clock: HeldTime,
    hanging: Hanging,
    loop_of: Callable[[Callable[[], float]], Loop],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bites = list[int]()
    monkeypatch.setattr(clock, "end_process", bites.append)
    watchdog = Watchdog([loop_of(hanging)], clock)
    assert hanging.entered.wait(60)
    for _ in range(5):
        clock.pass_time(1)
        watchdog.look()
    assert bites == []

    clock.pass_time(1)
    watchdog.look()

    assert bites == [EXIT_CODE]
    assert "thread worker shows no life since 6 s" in caplog.text
    assert "self.told.wait(60)" in caplog.text  # the stacks


def test_the_watchdog_does_not_take_a_frozen_machine_for_a_deaf_thread(
    clock: HeldTime,
    hanging: Hanging,
    loop_of: Callable[[Callable[[], float]], Loop],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bites = list[int]()
    monkeypatch.setattr(clock, "end_process", bites.append)
    loop = loop_of(hanging)
    watchdog = Watchdog([loop], clock)
    assert hanging.entered.wait(60)

    clock.pass_time(60)  # nobody looked for a minute, so nobody ran
    watchdog.look()
    assert (bites, loop.is_deaf()) == ([], False)
    clock.pass_time(4)
    watchdog.look()
    assert bites == []
    clock.pass_time(2)
    watchdog.look()

    assert bites == [EXIT_CODE]


class HeldMemory(HeldTime):
    """And memory is what the test says."""

    def __init__(self, clock: HeldTime, free: int | None, stalled: float | None, waiting: float | None) -> None:
        super().__init__()
        self.monotonic = clock.monotonic  # type: ignore[method-assign]
        self._free, self._stalled, self._waiting = free, stalled, waiting

    def available_memory(self) -> int | None:
        return self._free

    def memory_pressure(self) -> float | None:
        return self._stalled

    def cpu_pressure(self) -> float | None:
        return self._waiting


def admission_of(clock: HeldTime, registry: RunningJobsRegistry, lifecycle: Lifecycle, **limits: int) -> Admission:
    bounds = Bounds(limits.get("floor", 0), limits.get("stalled_max", 0), limits.get("waiting_max", 0))
    config = config_of(Path("/nowhere"), max_jobs=limits.get("max_jobs"), bounds=bounds)
    machine = HeldMemory(clock, limits.get("free"), limits.get("stalled"), limits.get("waiting"))
    return Admission(registry.at_work, lifecycle, config, machine)


def test_below_the_memory_floor_no_further_job_is_taken_but_always_the_first(clock: HeldTime) -> None:
    registry, lifecycle = RunningJobsRegistry(clock), Lifecycle(clock)
    short = admission_of(clock, registry, lifecycle, floor=200, free=199)
    enough = admission_of(clock, registry, lifecycle, floor=200, free=200)

    assert short.look() == Admitted(None)
    registry.add_job("job_1", attempt_of(job("s"), clock))
    assert short.look() == Admitted(0, SHORT_OF_MEMORY)
    assert short.seconds_until_change() == 1.0  # nobody tells when memory is free again
    assert enough.look() == Admitted(None)
    assert enough.seconds_until_change() is None


@pytest.mark.parametrize(
    ("of", "reason"), [("stalled", "launcher_short_of_memory"), ("waiting", "launcher_overloaded")]
)
def test_what_the_machine_cannot_bear_is_not_taken_but_always_the_first(clock: HeldTime, of: str, reason: str) -> None:
    registry, lifecycle = RunningJobsRegistry(clock), Lifecycle(clock)

    def found(percent: int, most: int) -> Admitted:
        return admission_of(clock, registry, lifecycle, **{of: percent, f"{of}_max": most}).look()

    assert found(100, 20) == Admitted(None)
    registry.add_job("job_1", attempt_of(job("s"), clock))
    assert found(21, 20) == Admitted(0, reason)
    assert found(20, 20) == Admitted(None)
    assert found(100, 0) == Admitted(None)  # not looked at
    assert admission_of(clock, registry, lifecycle, **{f"{of}_max": 20}).look() == Admitted(None)  # nobody knows


def test_a_machine_says_how_much_waits_on_it() -> None:
    assert 0 <= (Machine().cpu_pressure() or 0) <= 100
    assert 0 <= (Machine().memory_pressure() or 0) <= 100


def test_places_are_counted_and_a_local_failure_closes_all_of_them(clock: HeldTime) -> None:
    registry, lifecycle = RunningJobsRegistry(clock), Lifecycle(clock, max_total_jobs=5)
    admission = admission_of(clock, registry, lifecycle, max_jobs=2)

    registry.add_job("job_1", attempt_of(job("s"), clock))
    assert admission.look() == Admitted(1)
    assert admission.has_room_for("job_2")
    admission.failed_here("launcher_cannot_start_jobs", 6.0)
    assert admission.look() == Admitted(0, "launcher_cannot_start_jobs")
    assert admission.seconds_until_change() == 6.0
    clock.pass_time(6.1)
    assert admission.look() == Admitted(1)
    admission.failed_here("launcher_cannot_start_jobs", 6.0)
    admission.started()
    assert admission.look() == Admitted(1)
    registry.add_job("job_2", attempt_of(job("s", "job_2"), clock))
    assert (admission.has_room_for("job_2"), admission.has_room_for("job_3")) == (True, False)
    lifecycle.advance(Phase.DRAINING)
    assert admission.look() == Admitted(0)


def test_what_may_be_taken_in_all_is_a_limit_too(clock: HeldTime) -> None:
    registry, lifecycle = RunningJobsRegistry(clock), Lifecycle(clock, max_total_jobs=2)
    admission = admission_of(clock, registry, lifecycle, max_jobs=9)
    assert admission.look() == Admitted(2)
    lifecycle.count_job()

    assert admission.look() == Admitted(1)


def test_phases_only_move_forward_and_the_last_allowed_job_drains(clock: HeldTime) -> None:
    lifecycle = Lifecycle(clock, max_total_jobs=2)
    lifecycle.count_job()
    assert lifecycle.next_event(0.0) is None
    lifecycle.count_job()

    assert lifecycle.next_event(0.01) is Event.DRAIN
    assert lifecycle.advance(Phase.STOPPING)
    assert not lifecycle.advance(Phase.DRAINING)
    assert not lifecycle.takes_jobs
    assert not lifecycle.leaving.is_set()
    assert lifecycle.advance(Phase.LEAVING)
    assert lifecycle.leaving.is_set()
