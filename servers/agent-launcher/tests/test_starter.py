"""A granted attempt that cannot begin is never held for ever."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import cast

import pytest
from launcher_rig.shims import job
from lib.disk import Disk
from lib.job_process import JobProcess
from lib.log_upload import LogUploader
from lib.models import Job
from lib.outbox import Delivery, Outbox
from lib.run_directory import RunsFolder

from lib.admission import Admission
from lib.api_client import ApiClient
from lib.errors import AttemptAlreadyHere, ForkRefused
from lib.executor import Executor
from lib.lifecycle import Lifecycle
from lib.machine import Gate, Machine
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.reporter import Reporter
from lib.starter import Starter


class FullDisk(Disk):
    """Takes nothing."""

    def replace(self, path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, f"no space for {len(content)} bytes", str(path))


class KnownLauncher:
    """A registration that is there."""

    launcher_id = "lnch_1"
    current = None


class Clock(Machine):
    """A machine whose time is a test's."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class NoProcesses:
    """A fork server on a machine that has no process to give."""

    def start(self) -> None:
        """It is there already."""

    def stop(self) -> None:
        """It goes with the test."""

    def fork_shim(self, run_path: Path) -> Gate:
        raise ForkRefused(f"cannot start a process: cannot fork for {run_path.name}")


class Declines:
    """A runtime that takes claims back, and nothing else."""

    def __init__(self) -> None:
        self.declined: list[tuple[str, str]] = []

    def report_declined(self, _launcher_id: str, job: Job, reason: str, _sentence: str) -> None:
        """Take one back."""
        self.declined.append((job.job_id, reason))


def a_starter(
    outbox: Outbox,
    registry: RunningJobsRegistry,
    machine: Machine | None = None,
    *,
    api: Declines | None = None,
    max_jobs: int | None = None,
) -> Starter:
    """One on a machine without processes; what else reaches the runtime is not there: who used it would fail."""
    machine = machine or Machine()
    here = Path("/")
    runs = RunsFolder(here)
    return Starter(
        cast("ApiClient", api),
        Executor(NoProcesses(), runs, project_root=here, project_dir=here, runtime_url="http://127.0.0.1:1"),
        registry,
        cast("Registration", KnownLauncher()),
        outbox,
        Admission(
            registry.job_ids,
            Lifecycle(),
            max_jobs=max_jobs,
            memory_floor_bytes=0,
            available_memory=lambda: None,
            machine=machine,
        ),
        Lifecycle(),
        lambda _: None,
        machine,
    )


def test_a_claim_for_which_there_is_no_place_any_more_is_given_back_and_nothing_is_made_for_it(tmp_path: Path) -> None:
    registry, api = RunningJobsRegistry(), Declines()
    registry.add_job("job_1", JobProcess(RunsFolder(tmp_path).directory_for(job("s", "job_1"))))
    starter = a_starter(Outbox(), registry, api=api, max_jobs=1)

    starter.start(job("s", "job_2"))

    assert api.declined == [("job_2", "launcher_full")]


def test_an_attempt_that_has_run_meanwhile_is_not_started_again(tmp_path: Path) -> None:
    starter = a_starter(Outbox(), RunningJobsRegistry())
    run = RunsFolder(tmp_path).directory_for(job("s"))
    run.write_order({}, None)
    run.write_verdict({"exit_code": 0})

    for _ in range(2):  # a refusal is no start under way: the next one is refused for the same reason
        with pytest.raises(AttemptAlreadyHere, match="its attempt is ended"):
            starter.start_again(Delivery(run))


@pytest.mark.parametrize(("timeout_seconds", "patience_seconds"), [(None, 60), (5.0, 5), (3600.0, 60)])
def test_an_attempt_for_which_the_machine_has_no_process_is_failed_with_the_reason_after_a_while(
    tmp_path: Path, timeout_seconds: float | None, patience_seconds: float
) -> None:
    clock, outbox, registry = Clock(), Outbox(), RunningJobsRegistry()
    starter = a_starter(outbox, registry, clock)
    run = RunsFolder(tmp_path).directory_for(job("s", timeout_seconds=timeout_seconds))
    run.write_order({}, None)

    starter.start_again(Delivery(run))
    assert outbox.deliveries()[0].may_begin
    clock.now += patience_seconds - 1
    starter.start_again(outbox.deliveries()[0])
    assert run.read_verdict() is None
    clock.now += 1
    starter.start_again(outbox.deliveries()[0])

    assert not outbox.deliveries()[0].may_begin
    verdict = run.read_verdict() or {}
    tried = f"cannot start a process: cannot fork for job_1.1; tried for {patience_seconds:g} s"
    assert (verdict["reason"], verdict["error"]) == ("spawn_failed", tried)


def test_an_attempt_whose_failure_cannot_be_written_is_handed_to_the_reporter_all_the_same(tmp_path: Path) -> None:
    clock, outbox = Clock(), Outbox()
    starter = a_starter(outbox, RunningJobsRegistry(), clock)
    delivery = Delivery(RunsFolder(tmp_path, FullDisk()).directory_for(job("s")))
    delivery.without_process_since = clock.now - 3600

    starter.start_again(delivery)

    assert [late.run for late in outbox.deliveries()] == [delivery.run]


def test_a_delivery_whose_folder_is_gone_is_over(tmp_path: Path) -> None:
    outbox, registration = Outbox(), cast("Registration", KnownLauncher())
    reporter = Reporter(
        cast("ApiClient", None),
        registration,
        outbox,
        cast("LogUploader", None),
        Lifecycle(),
        lambda _: None,
        lambda: None,
    )
    outbox.put(Delivery(RunsFolder(tmp_path).directory_for(job("s"))))

    reporter.step()

    assert len(outbox) == 0


def test_a_delivery_waits_for_a_disk_that_is_not_there(tmp_path: Path) -> None:
    assert not RunsFolder(tmp_path / "unmounted").directory_for(job("s")).is_gone()
