"""The small parts: waiting, looping, delivering, admitting, watching."""

from __future__ import annotations

import random
import threading

import pytest
from launcher_rig.shims import job
from lib.backoff import Backoff
from lib.job_process import JobProcess
from lib.loop import Loop
from lib.outbox import Delivery, Outbox
from lib.run_directory import RunsFolder
from lib.watchdog import Watchdog

from lib.admission import SHORT_OF_MEMORY, Admission, Admitted
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine import Machine
from lib.registry import RunningJobsRegistry
from support.waiting import wait_until


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

    assert min(waits) < 0.5
    assert 4.5 < max(waits) <= 5


def test_a_loop_goes_on_after_an_error_and_ends_when_told() -> None:
    steps: list[int] = []
    enough = threading.Event()

    def step() -> float:
        steps.append(1)
        if len(steps) == 1:
            raise RuntimeError("once")
        enough.set()
        return 60.0

    loop = Loop("test", step, stale_seconds=5)
    loop.start()
    loop.wake()
    assert enough.wait(10)
    loop.stop()
    assert loop.join(10)


def test_a_loop_that_hangs_is_deaf_and_one_that_waits_is_not() -> None:
    hangs, waits = threading.Event(), threading.Event()
    entered = threading.Event()

    def hang() -> float:
        entered.set()
        hangs.wait(30)
        return 0.0

    hanging, waiting = Loop("hanging", hang, stale_seconds=0.05), Loop("waiting", lambda: 60.0, stale_seconds=0.05)
    hanging.start()
    waiting.start()
    assert entered.wait(10)

    wait_until(hanging.is_deaf, "the hanging one is deaf")
    assert not waiting.is_deaf()
    hangs.set()
    waits.set()
    for loop in (hanging, waiting):
        loop.stop()
        assert loop.join(10)


def test_the_watchdog_bites_when_a_thread_is_deaf_but_not_after_a_freeze(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hangs, bites = threading.Event(), list[int]()
    machine = Machine()
    monkeypatch.setattr(machine, "end_process", bites.append)
    loop = Loop("hanging", lambda: float(hangs.wait(30)), stale_seconds=0.05)
    watchdog = Watchdog([loop], machine)
    loop.start()
    wait_until(loop.is_deaf, "it is deaf")

    watchdog._looked_at -= 60
    watchdog.look()
    assert bites == []
    wait_until(loop.is_deaf, "it is still deaf")
    watchdog.look()

    assert bites == [70]
    assert "thread hanging shows no life" in caplog.text
    assert "test_parts.py" in caplog.text  # the stacks
    hangs.set()
    loop.stop()
    assert loop.join(10)


def test_the_outbox_gives_each_delivery_once_and_when_it_is_due(runs: RunsFolder) -> None:
    outbox = Outbox()
    first, second = (Delivery(runs.directory_for(job("s", name))) for name in ("job_1", "job_2"))
    outbox.put(first)
    outbox.put(Delivery(runs.directory_for(job("s", "job_1"))))
    outbox.put(second)

    assert [outbox.take(0), outbox.take(0), outbox.take(0)] == [first, second, None]
    outbox.put_back(second, 60)
    assert outbox.take(0) is None
    outbox.put_back(first, 0)
    assert outbox.take(0) is first
    outbox.done(first)
    assert [delivery.key for delivery in outbox.deliveries()] == ["job_2.1"]


def test_below_the_memory_floor_no_further_job_is_taken_but_always_the_first(runs: RunsFolder) -> None:
    registry, free = RunningJobsRegistry(), [100]
    admission = Admission(
        registry.job_ids, Lifecycle(), max_jobs=None, memory_floor_bytes=200, available_memory=lambda: free[0]
    )

    assert admission.look() == Admitted(None)
    registry.add_job("job_1", JobProcess(runs.directory_for(job("s"))))
    assert admission.look() == Admitted(0, SHORT_OF_MEMORY)
    free[0] = 300
    assert admission.look() == Admitted(None)


def test_places_are_counted_and_a_local_failure_closes_all_of_them(runs: RunsFolder) -> None:
    registry, lifecycle = RunningJobsRegistry(), Lifecycle(max_total_jobs=5)
    admission = Admission(registry.job_ids, lifecycle, max_jobs=2, memory_floor_bytes=0, available_memory=lambda: None)

    registry.add_job("job_1", JobProcess(runs.directory_for(job("s"))))
    assert admission.look() == Admitted(1)
    admission.failed_here("launcher_cannot_start_jobs")
    assert admission.look() == Admitted(0, "launcher_cannot_start_jobs")
    admission.started()
    assert admission.look() == Admitted(1)
    lifecycle.advance(Phase.DRAINING)
    assert admission.look() == Admitted(0)


def test_phases_only_move_forward_and_the_last_allowed_job_drains() -> None:
    lifecycle = Lifecycle(max_total_jobs=1)
    lifecycle.count_job()

    assert lifecycle.next_event(0.01) is Event.DRAIN
    assert lifecycle.advance(Phase.STOPPING)
    assert not lifecycle.advance(Phase.DRAINING)
