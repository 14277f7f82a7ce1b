"""A runtime leaves when it is told to, whatever its database waits for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from agent_runtime.store.postgres.opening import prepare_postgres
from support.postgres import Cluster, running_cluster
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until


@pytest.fixture
def alone() -> Iterator[Cluster]:
    """A server that may be told to wait for a standby that there is not."""
    with running_cluster() as server:
        yield server


@pytest.fixture
def runtime(alone: Cluster, tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime on it."""
    url = alone.new_database()
    prepare_postgres(url)
    runtime = RuntimeProcess(tmp_path / "runtime", database_url=url)
    try:
        yield runtime.start()
    finally:
        runtime.leave_nothing()


def _order(runtime: RuntimeProcess) -> httpx.Response | None:
    """Order one job, the same one each time; nothing if the runtime left without an answer."""
    headers = {"Authorization": f"Bearer {runtime.token}", "Idempotency-Key": "the-one"}
    order = {"type": "start_session", "session_name": "the-one", "agent_name": "echo", "prompt": "x"}
    try:
        return httpx.post(f"{runtime.url}/jobs", json=order, headers=headers, timeout=60.0, trust_env=False)
    except httpx.TransportError:
        return None


def test_a_runtime_whose_commit_waits_for_a_standby_leaves_when_it_is_told_to(
    alone: Cluster, runtime: RuntimeProcess
) -> None:
    with alone.waiting_for_standby("nobody"), ThreadPoolExecutor(1) as client:
        asked = client.submit(_order, runtime)
        wait_until(alone.commits_that_wait, "the commit waits")

        assert runtime.stop() == 0
        answer = asked.result()

    assert answer is None or not answer.is_success, "nothing is acknowledged that no standby has"
    assert "transactions are left to the database" in runtime.log()
    runtime.start()
    again = _order(runtime)
    assert again is not None
    assert again.is_success
    with closing(runtime.api) as api:
        jobs = api.jobs()
    assert [job["job_id"] for job in jobs] == [again.json()["job_id"]], "who asks again gets one job"
