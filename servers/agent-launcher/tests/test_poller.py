"""When the poller asks again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_rig.fake_runtime import FakeRuntime, Fault
from lib.holdings import Holdings
from lib.outbox import Outbox

from lib.admission import Admission
from lib.api_client import ApiClient, TokenSource
from lib.lifecycle import Lifecycle
from lib.machine import Machine
from lib.poller import Poller
from lib.registration import IdentityFile, Registration
from lib.registry import RunningJobsRegistry


class Seeded(Machine):
    """A machine whose chance is a test's."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def chance(self) -> random.Random:
        return random.Random(self._seed)


@pytest.fixture
def api(fake: FakeRuntime) -> Iterator[ApiClient]:
    client = ApiClient(fake.url, TokenSource("token", Path("/none")), poll_timeout=0.2)
    yield client
    client.close()


def poller_of(api: ApiClient, folder: Path, machine: Machine) -> Poller:
    """A poller of a launcher that has not registered yet."""
    registry, lifecycle = RunningJobsRegistry(), Lifecycle()
    registration = Registration(
        api,
        IdentityFile(folder / "identity.json"),
        Holdings(registry, Outbox()),
        {},
        lambda _: None,
        machine,
    )
    admission = Admission(
        registry.job_ids, lifecycle, max_jobs=None, memory_floor_bytes=0, available_memory=lambda: None
    )
    return Poller(
        api,
        registration,
        admission,
        lifecycle,
        start_job=lambda _: None,
        stop_jobs=lambda _: None,
        machine=machine,
    )


def test_launchers_whose_runtime_goes_right_after_it_took_them_in_do_not_come_back_together(
    fake: FakeRuntime, api: ApiClient, tmp_path: Path
) -> None:
    waits = []
    for seed in range(12):
        fake.fail("poll", Fault.SERVER_ERROR)
        poller = poller_of(api, tmp_path, Seeded(seed))
        waits.append(poller.step())
        poller.close()

    assert max(waits) - min(waits) > 3.0
