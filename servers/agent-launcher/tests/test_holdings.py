"""What a launcher has in hand is told completely at every moment, and takes the places that it will need."""

from pathlib import Path

import pytest

from lib.holdings import Holdings
from lib.job_process import JobProcess
from lib.models import Job
from lib.outbox import Delivery, Outbox
from lib.registry import RunningJobsRegistry
from lib.run_directory import RunDirectory, RunsFolder


class Busy(Outbox):
    """An outbox in which an attempt begins after all just before somebody looks."""

    def __init__(self, registry: RunningJobsRegistry) -> None:
        super().__init__()
        self._registry = registry

    def deliveries(self) -> list[Delivery]:
        """Let each begin, then look."""
        for delivery in super().deliveries():
            self._registry.add_job(delivery.run.job.job_id, JobProcess(delivery.run))
            self.done(delivery)
        return super().deliveries()


class BusyTheOtherWay(Outbox):
    """An outbox into which the running jobs come just after somebody has looked."""

    def __init__(self, registry: RunningJobsRegistry) -> None:
        super().__init__()
        self._registry = registry

    def deliveries(self) -> list[Delivery]:
        """Look, then let each running one end."""
        found = super().deliveries()
        for job_id, held in self._registry.get_running_jobs().items():
            self.put(Delivery(held.process.run))
            self._registry.remove_job(job_id)
        return found


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunsFolder(tmp_path).directory_for(attempt("job_1"))


def attempt(job_id: str) -> Job:
    """An attempt with its token."""
    return Job.from_json({"job_id": job_id, "type": "start_session", "session_name": "s", "prompt": "x", "attempt": 1,
                          "token": "t"})  # fmt: skip


def test_what_may_yet_begin_takes_a_place_and_what_has_ended_does_not(tmp_path: Path) -> None:
    registry, outbox, runs = RunningJobsRegistry(), Outbox(), RunsFolder(tmp_path)
    registry.add_job("job_1", JobProcess(runs.directory_for(attempt("job_1"))))
    outbox.put(Delivery(runs.directory_for(attempt("job_2")), may_begin=True))
    outbox.put(Delivery(runs.directory_for(attempt("job_3"))))

    assert Holdings(registry, outbox).at_work() == {"job_1", "job_2"}


def test_an_attempt_that_begins_while_somebody_looks_is_seen_once(run: RunDirectory) -> None:
    registry = RunningJobsRegistry()
    outbox = Busy(registry)
    outbox.put(Delivery(run, may_begin=True))

    assert [job.job_id for job in Holdings(registry, outbox).jobs()] == ["job_1"]
    assert Holdings(registry, outbox).at_work() == {"job_1"}


def test_an_attempt_that_ends_while_somebody_looks_is_seen_once(run: RunDirectory) -> None:
    registry = RunningJobsRegistry()
    outbox = BusyTheOtherWay(registry)
    registry.add_job("job_1", JobProcess(run))

    assert [job.job_id for job in Holdings(registry, outbox).jobs()] == ["job_1"]
