"""A granted attempt that cannot begin is never held for ever."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import cast

import pytest
from launcher_rig.shims import job

from lib.admission import Admission
from lib.api_client import ApiClient
from lib.disk import Disk
from lib.errors import AttemptAlreadyHere, SpawnFailed
from lib.executor import Executor
from lib.job_process import JobProcess
from lib.lifecycle import Lifecycle
from lib.log_upload import LogUploader
from lib.outbox import Delivery, Outbox
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.reporter import Reporter
from lib.run_directory import RunsFolder
from lib.starter import Starter


class FullDisk(Disk):
    """Takes nothing."""

    def replace(self, path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, f"no space for {len(content)} bytes", str(path))


class KnownLauncher:
    """A registration that is there."""

    launcher_id = "lnch_1"
    current = None


def a_starter(outbox: Outbox, registry: RunningJobsRegistry) -> Starter:
    """One whose parts that reach outside are not there: whoever used them would fail."""
    return Starter(
        cast("ApiClient", None),
        cast("Executor", None),
        registry,
        cast("Registration", None),
        outbox,
        cast("Admission", None),
        Lifecycle(),
        lambda _: None,
    )


def test_an_attempt_that_has_run_meanwhile_is_not_started_again(tmp_path: Path) -> None:
    starter = a_starter(Outbox(), RunningJobsRegistry())
    run = RunsFolder(tmp_path).directory_for(job("s"))
    run.write_order({}, None)
    run.write_verdict({"exit_code": 0})

    for _ in range(2):  # a refusal is no start under way: the next one is refused for the same reason
        with pytest.raises(AttemptAlreadyHere, match="its attempt is ended"):
            starter.start_again(run)


def test_an_attempt_whose_failure_cannot_be_written_is_handed_to_the_reporter_all_the_same(tmp_path: Path) -> None:
    registry, outbox = RunningJobsRegistry(), Outbox()
    starter = a_starter(outbox, registry)
    process = JobProcess(RunsFolder(tmp_path, FullDisk()).directory_for(job("s")))
    registry.add_job("job_1", process)

    starter._fail(process, SpawnFailed("the shim did not come up"))

    assert len(registry) == 0
    assert [delivery.run for delivery in outbox.deliveries()] == [process.run]


def test_a_delivery_whose_folder_is_gone_is_over(tmp_path: Path) -> None:
    outbox, registration = Outbox(), cast("Registration", KnownLauncher())
    reporter = Reporter(
        cast("ApiClient", None), registration, outbox, cast("LogUploader", None), Lifecycle(), lambda _: None
    )
    outbox.put(Delivery(RunsFolder(tmp_path).directory_for(job("s"))))

    reporter.step()

    assert len(outbox) == 0


def test_a_delivery_waits_for_a_disk_that_is_not_there(tmp_path: Path) -> None:
    assert not RunsFolder(tmp_path / "unmounted").directory_for(job("s")).is_gone()
