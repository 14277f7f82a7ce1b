"""A granted attempt that cannot begin is never held for ever."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import cast

from launcher_rig.shims import job

from lib.admission import Admission
from lib.api_client import ApiClient
from lib.disk import Disk
from lib.errors import SpawnFailed
from lib.executor import Executor
from lib.job_process import JobProcess
from lib.lifecycle import Lifecycle
from lib.outbox import Outbox
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.run_directory import RunsFolder
from lib.starter import Starter


class FullDisk(Disk):
    """Takes nothing."""

    def replace(self, path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, f"no space for {len(content)} bytes", str(path))


def test_an_attempt_whose_failure_cannot_be_written_is_handed_to_the_reporter_all_the_same(tmp_path: Path) -> None:
    registry, outbox = RunningJobsRegistry(), Outbox()
    starter = Starter(
        cast("ApiClient", None),
        cast("Executor", None),
        registry,
        cast("Registration", None),
        outbox,
        cast("Admission", None),
        Lifecycle(),
        lambda _: None,
    )
    process = JobProcess(RunsFolder(tmp_path, FullDisk()).directory_for(job("s")))
    registry.add_job("job_1", process)

    starter._fail(process, SpawnFailed("the shim did not come up"))

    assert len(registry) == 0
    assert [delivery.run for delivery in outbox.deliveries()] == [process.run]
