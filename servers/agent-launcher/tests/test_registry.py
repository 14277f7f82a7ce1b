"""The Running Jobs Registry under many threads."""

from __future__ import annotations

import threading

import pytest
from launcher_rig.shims import job
from lib.job_process import JobProcess
from lib.run_directory import RunsFolder

from lib.errors import AttemptAlreadyHere
from lib.registry import RunningJobsRegistry


def process(runs: RunsFolder, job_id: str) -> JobProcess:
    return JobProcess(runs.directory_for(job("s", job_id)))


def test_a_job_is_found_until_it_is_removed(runs: RunsFolder) -> None:
    registry = RunningJobsRegistry()
    one = process(runs, "job_1")
    registry.add_job("job_1", one)

    found = registry.get_job("job_1")
    assert found is not None
    assert found.process is one
    assert found.started_at.tzinfo is not None
    registry.remove_job("job_1")
    registry.remove_job("job_1")
    assert registry.get_job("job_1") is None


def test_two_attempts_of_a_job_are_never_here_at_once(runs: RunsFolder) -> None:
    registry = RunningJobsRegistry()
    registry.add_job("job_1", process(runs, "job_1"))

    with pytest.raises(AttemptAlreadyHere, match="an attempt of it still runs here"):
        registry.add_job("job_1", process(runs, "job_1"))


def test_readers_and_writers_in_many_threads_lose_nothing(runs: RunsFolder) -> None:
    registry = RunningJobsRegistry()
    handle = process(runs, "job_0")
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(200):
                registry.add_job(f"job_{worker}_{number}", handle)
                registry.get_running_jobs()
                if number % 2:
                    registry.remove_job(f"job_{worker}_{number}")
        except BaseException as error:  # noqa: BLE001  (a thread's failure is the test's)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(registry.get_running_jobs()) == 8 * 100


def test_a_copy_of_the_record_does_not_change_it(runs: RunsFolder) -> None:
    registry = RunningJobsRegistry()
    registry.add_job("job_1", process(runs, "job_1"))

    registry.get_running_jobs().clear()

    assert len(registry) == 1
