"""The queue alone: claims at different depths, parked polls and events, on both databases.

python -m bench.queue [--depths 100 10000 100000] [--only claims history wakeups events] [--on sqlite postgresql]
"""

import argparse
import asyncio
import os
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.job import Job, JobStatus, JobType, Order
from agent_runtime.domain.session import Session
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.families.consequences import FamilyStore
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.launchers.polling import Polling
from agent_runtime.services.launchers.presence import Registration, register
from agent_runtime.services.launchers.reports import Proof, Report, finish, start
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent as Told
from agent_runtime.services.sessions.events import append_events
from agent_runtime.store.clock import SystemClock
from agent_runtime.store.postgres.opening import open_postgres
from agent_runtime.store.postgres.store import PostgresStore
from agent_runtime.store.sqlite.opening import open_sqlite
from agent_runtime.store.sqlite.store import SqliteStore
from bench import figures
from support.postgres import running_cluster
from support.waiting import until

DEPTHS = (100, 10_000, 100_000)
LAUNCHERS = (1, 8, 32)
CLAIMS = 400
ENDED = 100_000
WAITING_BEHIND = 10_000
POLLS = 300
WAKEUPS = 300
EVENTS = 3_000
EVENTS_AT_ONCE = 20
FILLED_AT_ONCE = 200


@dataclass
class Bench:
    """One store to measure, and the polls that wait in it."""

    name: str
    rows: SqliteStore | PostgresStore
    polls: ParkedPolls

    def __post_init__(self) -> None:
        self.store = FamilyStore(self.rows)
        self.made = 0
        self.finished = 0

    async def launcher(self) -> LauncherId:
        """Let a launcher come."""
        return (await self.store.write(lambda tx: register(tx, Registration(hostname="bench")))).launcher.id

    def order(self) -> Order:
        """Word an order; every tenth belongs to one large group."""
        self.made += 1
        labels = {"group": "large"} if self.made % 10 == 0 else {}
        return Order(JobType.START_SESSION, f"{self.name[:2]}-{self.made}", "hello", agent_name="echo", labels=labels)

    async def fill(self, depth: int) -> None:
        """Let so many jobs wait."""
        waiting = await self.store.read(lambda tx: tx.jobs.count_waiting(10_000_000))
        while waiting < depth:
            batch = min(FILLED_AT_ONCE, depth - waiting)
            orders = [self.order() for _ in range(batch)]
            await self.store.write(lambda tx, orders=orders: [_create(tx, order) for order in orders])  # type: ignore[misc]
            waiting += batch


def _create(tx: Transaction, order: Order) -> Job:
    return create_job(tx, order, lambda name: AgentNeeds(name, active=True, labels={})).job


@contextmanager
def sqlite_bench() -> Iterator[Bench]:
    """A file of its own."""
    with tempfile.TemporaryDirectory(prefix="ao-bench-") as folder:
        polls = ParkedPolls()
        store = open_sqlite(Path(folder) / "runtime.db", SystemClock(), secrets.token_bytes, polls.hear)
        yield Bench("sqlite", store, polls)
        store.close()


@contextmanager
def postgres_bench() -> Iterator[Bench]:
    """A server of its own, which waits for the disk as one in use does."""
    with running_cluster(as_in_use=True) as cluster:
        polls = ParkedPolls()
        store = open_postgres(cluster.new_database(), secrets.token_bytes, polls.hear)
        yield Bench("postgresql", store, polls)
        store.close()


async def claims(bench: Bench, depths: list[int]) -> None:
    """Claims per second: each is one look of one launcher, which then starts and ends the job unmeasured."""
    figures.title(f"{bench.name}: claims")
    for depth in depths:
        for count in LAUNCHERS:
            await bench.fill(depth)
            await _claims_of(bench, count, min(CLAIMS, depth), f"{depth:>7} waiting, {count:>2} launchers")


async def history(bench: Bench, _depths: list[int]) -> None:
    """Whether a claim costs more once very many jobs have ended."""
    figures.title(f"{bench.name}: claims behind what has ended")
    while bench.finished < ENDED:
        await bench.fill(WAITING_BEHIND)
        await _claims_of(bench, 8, CLAIMS, f"{bench.finished:>7} ended, {WAITING_BEHIND} waiting, 8 launchers")
        await bench.fill(min(ENDED // 2, ENDED - bench.finished))
        await _drain(bench)
    await bench.fill(WAITING_BEHIND)
    await _claims_of(bench, 8, CLAIMS, f"{bench.finished:>7} ended, {WAITING_BEHIND} waiting, 8 launchers")


async def _claims_of(bench: Bench, launcher_count: int, count: int, what: str) -> None:
    launchers = [await bench.launcher() for _ in range(launcher_count)]
    spans: list[int] = []
    began = time.monotonic_ns()
    await asyncio.gather(*[_claim_some(bench, one, count // launcher_count, spans) for one in launchers])
    seconds = (time.monotonic_ns() - began) / 1e9
    figures.line(f"{what}: cycles (claim, start, end)", len(spans) / seconds, "1/s")
    figures.spread(f"{what}: one claim", figures.milliseconds(spans))


async def _claim_some(bench: Bench, launcher_id: LauncherId, count: int, spans: list[int]) -> None:
    for _ in range(count):
        began = time.monotonic_ns()
        found = await bench.store.write(lambda tx: look_for_work(tx, Ask(launcher_id, slots=1)))
        spans.append(time.monotonic_ns() - began)
        for claim in found.claims:
            await _run(bench, Proof(claim.job.id, launcher_id, claim.job.attempt, claim.job.token))


async def _run(bench: Bench, proof: Proof) -> None:
    await bench.store.write(lambda tx: start(tx, proof))
    await bench.store.write(lambda tx: finish(tx, Report(proof, JobStatus.COMPLETED, exit_code=0)))
    bench.finished += 1


async def wakeups(bench: Bench, _depths: list[int]) -> None:
    """300 parked polls: from the order to the poll that has the job, and what waiting costs."""
    figures.title(f"{bench.name}: {POLLS} parked polls")
    polling = Polling(bench.store, bench.polls)
    await _drain(bench)
    launchers = [await bench.launcher() for _ in range(POLLS)]
    woken: asyncio.Queue[tuple[LauncherId, str]] = asyncio.Queue()

    async def park(launcher_id: LauncherId) -> None:
        found = await polling.poll(Ask(launcher_id, slots=1), 600, asyncio.Event().wait)  # type: ignore[arg-type]
        if found is not None and found.claims:
            job = found.claims[0].job
            woken.put_nowait((launcher_id, job.id))
            await _run(bench, Proof(job.id, launcher_id, job.attempt, job.token))

    parked = {one: asyncio.ensure_future(park(one)) for one in launchers}
    await until(lambda: all(bench.polls.is_waiting(one) for one in launchers), "all polls wait")
    before, began = _cpu_seconds(), time.monotonic()
    await asyncio.sleep(5)
    figures.line("CPU while nothing happens", (_cpu_seconds() - before) / (time.monotonic() - began) * 100, "%")
    spans: list[int] = []
    for _ in range(WAKEUPS):
        order = bench.order()
        asked = time.monotonic_ns()
        await bench.store.write(lambda tx, order=order: _create(tx, order))  # type: ignore[misc]
        launcher_id, _job = await woken.get()
        spans.append(time.monotonic_ns() - asked)
        await parked[launcher_id]
        parked[launcher_id] = asyncio.ensure_future(park(launcher_id))
    figures.spread("order to claimed", figures.milliseconds(spans))
    figures.line("polls woken for each job", bench.polls.wakeups / WAKEUPS, "", "1")
    bench.polls.end_all()
    await asyncio.gather(*parked.values())


async def _drain(bench: Bench) -> None:
    """Let nothing wait."""
    launcher_id = await bench.launcher()
    while True:
        found = await bench.store.write(lambda tx: look_for_work(tx, Ask(launcher_id, slots=64, batch=64)))
        if not found.claims:
            return
        proofs = [Proof(one.job.id, launcher_id, one.job.attempt, one.job.token) for one in found.claims]
        await bench.store.write(lambda tx, proofs=proofs: [start(tx, proof) for proof in proofs])  # type: ignore[misc]
        reports = [Report(proof, JobStatus.COMPLETED, exit_code=0) for proof in proofs]
        await bench.store.write(lambda tx, reports=reports: [finish(tx, report) for report in reports])  # type: ignore[misc]
        bench.finished += len(proofs)


async def events(bench: Bench, _depths: list[int]) -> None:
    """Events per second from eight sessions, each batch acknowledged when it is on disk."""
    figures.title(f"{bench.name}: events, {EVENTS_AT_ONCE} in a call")
    orders = [bench.order() for _ in range(8)]
    jobs = [await bench.store.write(lambda tx, order=order: _create(tx, order)) for order in orders]  # type: ignore[misc]

    async def tell(job: Job) -> None:
        for number in range(EVENTS // len(jobs) // EVENTS_AT_ONCE):
            told = [
                Told("message", {"role": "assistant", "text": "x" * 200}, client_event_id=f"{number}-{part}")
                for part in range(EVENTS_AT_ONCE)
            ]
            await bench.store.write(lambda tx, told=told: append_events(tx, _session(tx, job), told))  # type: ignore[misc]

    began = time.monotonic()
    await asyncio.gather(*[tell(job) for job in jobs])
    figures.line("events", EVENTS / (time.monotonic() - began), "1/s")


def _session(tx: Transaction, job: Job) -> Session:
    session = tx.sessions.get(job.session_id)
    assert session is not None
    return session


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


MEASUREMENTS: dict[str, Callable[[Bench, list[int]], object]] = {
    "claims": claims,
    "history": history,
    "wakeups": wakeups,
    "events": events,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--depths", nargs="*", type=int, default=list(DEPTHS))
    parser.add_argument("--only", nargs="*", choices=list(MEASUREMENTS), default=list(MEASUREMENTS))
    parser.add_argument("--on", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    wanted = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in wanted.on:
        with sqlite_bench() if name == "sqlite" else postgres_bench() as bench:
            asyncio.run(_measure(bench, wanted.only, wanted.depths))


async def _measure(bench: Bench, names: list[str], depths: list[int]) -> None:
    watching = asyncio.ensure_future(bench.rows.watch()) if isinstance(bench.rows, PostgresStore) else None
    for name in names:
        await MEASUREMENTS[name](bench, depths)  # type: ignore[misc]
    if watching is not None:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


if __name__ == "__main__":
    main()
