"""`kill -9` under load, again and again: the file stays sound, and what was acknowledged is there.

`KILLS=200 uv run pytest tests/faults/test_killed_runtime.py` does it two hundred times; without it, a few times.
"""

import os
import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.desk import fresh
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

KILLS = int(os.environ.get("KILLS", "4"))
CLIENTS = 4


class _Client(threading.Thread):
    """Creates jobs until the runtime is gone, and remembers those that were answered."""

    def __init__(self, runtime: RuntimeProcess, acknowledged: set[str]) -> None:
        super().__init__(daemon=True)
        self._url, self._token = runtime.url, runtime.token
        self._acknowledged = acknowledged

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=20.0, trust_env=False) as http:
            while True:
                order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x" * 2000}
                try:
                    answer = http.post("/jobs", json=order)
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    self._acknowledged.add(answer.json()["job_id"])


def _stored(path: Path) -> tuple[str, set[str]]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        return str(verdict), {row[0] for row in connection.execute("SELECT id FROM jobs")}
    finally:
        connection.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime of this test's own."""
    runtime = RuntimeProcess(tmp_path / "runtime")
    yield runtime
    runtime.leave_nothing()


@pytest.mark.timeout(120 + 15 * KILLS)
def test_a_killed_runtime_has_every_job_that_it_acknowledged(process: RuntimeProcess) -> None:
    acknowledged: set[str] = set()
    chance = random.Random(KILLS)

    for _ in range(KILLS):
        process.start()
        clients = [_Client(process, acknowledged) for _ in range(CLIENTS)]
        enough = len(acknowledged) + chance.randint(1, 40)
        for client in clients:
            client.start()
        wait_until(lambda enough=enough: len(acknowledged) >= enough, "some jobs are acknowledged")  # type: ignore[misc]
        process.kill()
        for client in clients:
            client.join()

        verdict, stored = _stored(process.data_dir / "runtime.db")
        assert verdict == "ok"
        assert acknowledged <= stored

    assert len(acknowledged) >= KILLS
    process.start()
    process.stop()
