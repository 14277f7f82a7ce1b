"""A real store on a file, with a clock that moves only when a test moves it, and short words for what jobs do."""

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import IfBusy, Job, JobStatus, JobType, Order
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.session import Session
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.families.consequences import FamilyStore
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.orders import Created, IdempotencyKey, create_job
from agent_runtime.services.launchers.claims import Ask, Found, look_for_work
from agent_runtime.services.launchers.presence import Registration, register
from agent_runtime.services.launchers.reports import Proof, Report, Reported, finish, start
from agent_runtime.services.ports.store import Announcement, Transaction
from agent_runtime.store.postgres.store import PostgresStore
from agent_runtime.store.sqlite.opening import prepare_sqlite
from agent_runtime.store.sqlite.store import SqliteStore
from support.waiting import LOOK_EVERY_SECONDS, PATIENCE_SECONDS

T = TypeVar("T")
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = BEGINNING

    def now(self) -> datetime:
        """Tell the time."""
        return self.at

    def move(self, **units: float) -> None:
        """Let time pass, as `timedelta` counts it."""
        self.at += timedelta(**units)


class StoreRig:
    """Runs verbs one after the other against a store of its own."""

    def __init__(self, folder: Path, template: Path | None = None, seed: int = 1, url: str | None = None) -> None:
        self.path = folder / "runtime.db"
        self.url = url
        if template is not None:
            shutil.copyfile(template, self.path)
        self.clock = MovableClock()
        self.news: list[Announcement] = []
        self._listeners: list[Callable[[Announcement], None]] = []
        self._chance = random.Random(seed)
        self.rows = self._open(is_made=template is not None)
        self.store = FamilyStore(self.rows)
        self.runner = asyncio.Runner()
        self._orders = 0

    def _open(self, *, is_made: bool) -> SqliteStore | PostgresStore:
        if self.url is not None:
            shared = PostgresStore(self.url, self._chance.randbytes, self._tell, self.clock)
            shared.open()
            return shared
        if not is_made:
            prepare_sqlite(self.path)
        own = SqliteStore(self.path, self.clock, self._chance.randbytes, self._tell)
        own.open()
        return own

    def reopen(self) -> None:
        """Let go of the store and come back: only what was committed is still there."""
        self.rows.close()
        self.rows = self._open(is_made=True)
        self.store = FamilyStore(self.rows)

    def listen(self, hear: Callable[[Announcement], None]) -> None:
        """Let somebody hear of every commit from now on."""
        self._listeners.append(hear)

    def _tell(self, announcement: Announcement) -> None:
        self.news.append(announcement)
        for hear in self._listeners:
            hear(announcement)

    def close(self) -> None:
        """Let go of the store."""
        self.runner.close()
        self.rows.close()

    def do(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb and commit."""
        return self.runner.run(self.store.write(verb))

    def agent(self, name: str) -> AgentNeeds | None:
        """Know every agent but one; `gpu` has a wish of its own, and `asleep` is inactive."""
        if name == "nobody":
            return None
        return AgentNeeds(name, name != "asleep", {"gpu": "yes"} if name == "gpu" else {})

    def order(self, name: str | None = None, **fields: object) -> Order:
        """Word an order to start a session."""
        self._orders += 1
        self.clock.move(microseconds=10)  # Two orders never arrive in the same moment.
        plain = Order(JobType.START_SESSION, name or f"s{self._orders}", "hello", agent_name="echo")
        return replace(plain, **fields)  # type: ignore[arg-type]  # the tests name fields of Order

    def created(self, tx: Transaction, order: Order) -> Created:
        """Accept an order inside a verb."""
        return create_job(tx, order, self.agent)

    def create(self, name: str | None = None, *, key: IdempotencyKey | None = None, **fields: object) -> Job:
        """Start a session."""
        order = self.order(name, **fields)
        return self.do(lambda tx: create_job(tx, order, self.agent, key)).job

    def resume(self, name: str, if_busy: IfBusy = IfBusy.ENQUEUE, **fields: object) -> Job:
        """Resume a session."""
        order = self.order(name, type=JobType.RESUME_SESSION, agent_name=None, if_busy=if_busy, **fields)
        return self.do(lambda tx: self.created(tx, order)).job

    def launcher(self, **said: object) -> Launcher:
        """Register a launcher."""
        registration = Registration(**said)  # type: ignore[arg-type]  # the tests name fields of Registration
        return self.do(lambda tx: register(tx, registration)).launcher

    def poll(self, launcher: Launcher, slots: int | None = 10, **asks: object) -> Found:
        """Look for work once."""
        ask = Ask(launcher.id, launcher.epoch, slots, **asks)  # type: ignore[arg-type]  # fields of Ask
        return self.do(lambda tx: look_for_work(tx, ask))

    def claim(self, launcher: Launcher) -> Job:
        """Look for work and get exactly one job."""
        (claim,) = self.poll(launcher).claims
        return claim.job

    def start(self, job: Job) -> Job:
        """Report that a claimed job starts."""
        return self.do(lambda tx: start(tx, proof(job)))

    def run(self, launcher: Launcher) -> Job:
        """Claim a job and start it."""
        return self.start(self.claim(launcher))

    def end(self, job: Job, outcome: JobStatus = JobStatus.COMPLETED, **facts: object) -> Reported:
        """Report how an attempt ended."""
        report = Report(proof(job), outcome, **facts)  # type: ignore[arg-type]  # fields of Report
        return self.do(lambda tx: finish(tx, report))

    def job(self, job: Job) -> Job:
        """Read a job again."""
        return self.do(lambda tx: get_job(tx, job.id))

    async def until_not(self, job: Job, status: JobStatus) -> Job:
        """Wait until a job has left a state."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                now = await self.store.read(lambda tx: get_job(tx, job.id))
                if now.status is not status:
                    return now
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    def session(self, job: Job) -> Session:
        """Read the session of a job."""
        session = self.do(lambda tx: tx.sessions.get(job.session_id))
        assert session is not None
        return session

    def events(self, job: Job) -> list[str]:
        """Tell the types of the events of a job, in order."""
        found = self.do(lambda tx: tx.events.of_session(job.session_id, 0, 1000, ()))
        return [event.new.type for event in found if event.new.job_id == job.id]


def proof(job: Job) -> Proof:
    """What a launcher shows when it speaks of the attempt that this job was read with."""
    assert job.launcher_id is not None
    return Proof(JobId(job.id), LauncherId(job.launcher_id), job.attempt, job.token)
