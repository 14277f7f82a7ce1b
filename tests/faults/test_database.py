"""What can happen to the database of real runtimes: a lock that is held, and a standby that takes over.

`LOCK_SECONDS=60 uv run pytest tests/faults/test_database.py` holds each lock for a minute; without it, a few seconds.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from agent_runtime.store.postgres.opening import prepare_postgres
from faults.bench import Bench
from support.postgres import Cluster, name_of, running_pair
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

LOCK_SECONDS = float(os.environ.get("LOCK_SECONDS", "3"))
PATIENT_SECONDS = 120 + 4 * LOCK_SECONDS
LOCKS = {
    "the table of jobs": "LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE",
    "the rows of all launchers": "SELECT 1 FROM launchers FOR UPDATE",
}


@dataclass
class House:
    """Two runtimes on one database that has a synchronous standby."""

    primary: Cluster
    standby: Cluster
    url: str
    runtimes: list[RuntimeProcess]

    def ask(self, order: dict[str, object], number: int) -> httpx.Response:
        """Give an order to one of the runtimes; nothing of what went wrong is hidden."""
        runtime = self.runtimes[number % len(self.runtimes)]
        headers = {"Authorization": f"Bearer {runtime.token}", "Idempotency-Key": str(order["session_name"])}
        return httpx.post(f"{runtime.url}/jobs", json=order, headers=headers, timeout=60.0, trust_env=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Such a house, for the tests of this file."""
    with running_pair() as (primary, standby):
        one = primary.new_database()
        prepare_postgres(one)
        url = f"postgresql://postgres@/{name_of(one)}?host={primary.folder},{standby.folder}"
        runtimes = [RuntimeProcess(tmp_path_factory.mktemp(name), database_url=url) for name in ("left", "right")]
        try:
            for runtime in runtimes:
                runtime.start()
            yield House(primary, standby, one, runtimes)
        finally:
            for runtime in runtimes:
                runtime.leave_nothing()


@pytest.fixture(scope="module")
def runtime(house: House) -> RuntimeProcess:
    """The one that the launcher calls."""
    return house.runtimes[0]


class _Client(ThreadPoolExecutor):
    """Gives orders to both runtimes until it is enough, each until it is accepted, and keeps every refusal."""

    def __init__(self, house: House, bench: Bench) -> None:
        super().__init__(1)
        self._house, self._bench = house, bench
        self._enough = threading.Event()
        self.accepted: list[str] = []
        self.refusals: list[httpx.Response] = []
        self._work = self.submit(self._order_on)

    def finish(self) -> None:
        """Order nothing more, and see that all that was ordered is accepted."""
        self._enough.set()
        self._work.result()
        self.shutdown()
        self._bench.jobs += self.accepted

    def _order_on(self) -> None:
        while not self._enough.is_set():
            name = f"s-{secrets.token_hex(6)}"
            order = {"type": "start_session", "agent_name": "echo", "session_name": name, "prompt": "{}"}
            order["project_dir"] = str(self._bench.project.work)
            wait_until(lambda order=order: self._is_accepted(order), "the order is accepted", PATIENT_SECONDS)  # type: ignore[misc]

    def _is_accepted(self, order: dict[str, object]) -> bool:
        answer = self._house.ask(order, len(self.accepted) + len(self.refusals))
        if answer.status_code in (200, 201):
            self.accepted.append(answer.json()["job_id"])
        else:
            self.refusals.append(answer)
        return answer.is_success


def _goes_on(client: _Client) -> Callable[[], bool]:
    """Whether a few more orders were accepted than now."""
    enough = len(client.accepted) + 4
    return lambda: len(client.accepted) >= enough


def _are_typed(refusals: list[httpx.Response]) -> bool:
    answers = [(answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) for answer in refusals]
    return set(answers) <= {(503, "database_unavailable", True)}


def _assert_each_ran_once(bench: Bench, client: _Client) -> None:
    ends = [bench.api.wait_for_end(job_id, PATIENT_SECONDS)["status"] for job_id in bench.jobs]
    assert ends == ["failed"] + ["completed"] * len(client.accepted)
    # Not the attempts: a claim that ran out behind the lock is given anew, and nothing ran of it.
    assert {len(bench.ledger.runs_of(job_id)) for job_id in bench.jobs} == {1}
    assert _are_typed(client.refusals), [answer.text for answer in client.refusals]
    bench.assert_promises_held()


@pytest.mark.timeout(PATIENT_SECONDS * 2)
@pytest.mark.parametrize("what", LOCKS)
def test_a_lock_that_is_held_for_long_costs_no_job_and_runs_none_twice(house: House, bench: Bench, what: str) -> None:
    bench.launcher.start()
    running = bench.order_waiting(exit=3)
    bench.wait_until_runs(running)
    client = _Client(house, bench)
    wait_until(_goes_on(client), "jobs are ordered")

    with psycopg.connect(house.url) as holder:
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        holder.execute(LOCKS[what].encode())
        until = time.monotonic() + LOCK_SECONDS
        bench.open_gate()
        wait_until(lambda: time.monotonic() > until, "the lock was held for long", PATIENT_SECONDS, look_every=0.1)
        holder.rollback()
    wait_until(_goes_on(client), "jobs are ordered again", PATIENT_SECONDS)
    client.finish()

    _assert_each_ran_once(bench, client)


@pytest.mark.timeout(PATIENT_SECONDS * 2)
def test_jobs_keep_their_promises_when_a_synchronous_standby_takes_over(house: House, bench: Bench) -> None:
    bench.launcher.start()
    running = bench.order_waiting(exit=3)
    bench.wait_until_runs(running)
    client = _Client(house, bench)
    wait_until(_goes_on(client), "jobs are ordered")

    house.primary.stop("immediate")
    bench.open_gate()
    house.standby.promote()
    wait_until(_goes_on(client), "jobs are ordered at the one that took over", PATIENT_SECONDS)
    client.finish()

    _assert_each_ran_once(bench, client)
