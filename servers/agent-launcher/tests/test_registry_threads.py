"""The Running Jobs Registry under many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.machines import HeldClock

from lib.attempt.attempt import Attempt, Began, Delivered, Ended, Unbegun
from lib.errors import AttemptAlreadyHere
from lib.machine.machine import Machine
from lib.registry import RunningJobsRegistry
from support.waiting import wait_until

VERDICT = Ended({"exit_code": 0})


@pytest.fixture
def registry() -> RunningJobsRegistry:
    return RunningJobsRegistry(Machine())


def add(registry: RunningJobsRegistry, job_id: str = "job_1", attempt: int = 1) -> Attempt:
    added = attempt_of(job("s", job_id, attempt), HeldClock())
    registry.add_job(job_id, added)
    return added


def add_ended(registry: RunningJobsRegistry, job_id: str = "job_1") -> Attempt:
    attempt = add(registry, job_id)
    registry.store(attempt, VERDICT)
    return attempt


def test_whoever_waits_is_woken_by_what_becomes_due_and_by_the_end(registry: RunningJobsRegistry) -> None:
    taken: list[list[Attempt]] = []
    threads = [threading.Thread(target=lambda: taken.append(registry.take(60, 1))) for _ in range(3)]
    for thread in threads:
        thread.start()
    attempt = add_ended(registry)
    wait_until(lambda: taken == [[attempt]], "one of them has it")
    registry.close()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    assert taken == [[attempt], [], []]


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Do something in many threads at once; a thread's failure is the test's."""
    failures: list[BaseException] = []
    together = threading.Barrier(count)

    def one(worker: int) -> None:
        try:
            together.wait(30)
            work(worker)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=one, args=(worker,)) for worker in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_readers_and_writers_in_many_threads_lose_nothing(registry: RunningJobsRegistry) -> None:
    def work(worker: int) -> None:
        for number in range(100):
            name = f"job_{worker}_{number}"
            attempt = add(registry, name)
            assert name in registry.get_running_jobs()
            if number % 2:
                registry.remove_job(name)
                registry.store(attempt, VERDICT)

    in_threads(8, work)

    assert set(registry.get_running_jobs()) == {
        f"job_{worker}_{number}" for worker in range(8) for number in range(0, 100, 2)
    }
    assert registry.to_deliver() == []


def test_of_many_threads_that_take_up_a_job_exactly_one_does(registry: RunningJobsRegistry) -> None:
    taken: list[Attempt] = []

    def work(worker: int) -> None:
        try:
            taken.append(add(registry, attempt=worker))
        except AttemptAlreadyHere:
            return

    in_threads(16, work)

    assert len(taken) == 1
    assert registry.attempts() == taken


def test_each_attempt_is_told_of_exactly_once_at_every_moment_of_its_way(registry: RunningJobsRegistry) -> None:
    is_over = threading.Event()
    counts: set[int] = set()

    def look() -> None:
        while not is_over.is_set():
            counts.add([held.job_id for held in registry.held()].count("job_1"))

    attempt = add(registry)
    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(200):
        registry.store(attempt, Unbegun())
        registry.store(attempt, Began())
        registry.store(attempt, VERDICT)
        add_ended(registry, f"job_{number + 2}")
    is_over.set()
    watcher.join(30)

    assert counts == {1}


def test_many_workers_take_each_attempt_once(registry: RunningJobsRegistry) -> None:
    for number in range(200):
        add_ended(registry, f"job_{number}")
    taken: list[str] = []

    def work(_: int) -> None:
        while due := registry.take(0, 3):
            taken.extend(attempt.key for attempt in due)
            for attempt in due:
                registry.store(attempt, Delivered("reported"))

    in_threads(8, work)

    assert sorted(taken) == sorted(f"job_{number}.1" for number in range(200))
    assert registry.attempts() == []
