"""Several runtimes on one PostgreSQL database, without their web side: who creates, who polls, and what really ran."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar

from agent_runtime.domain.errors import Unavailable
from agent_runtime.domain.event import Event
from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import Job, JobStatus, JobType, Order
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.families.consequences import FamilyStore
from agent_runtime.services.jobs.orders import IdempotencyKey, create_job
from agent_runtime.services.launchers.claims import Ask
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.launchers.polling import Polling
from agent_runtime.services.launchers.presence import Registration, register
from agent_runtime.services.launchers.reports import Proof, Report, finish, start
from agent_runtime.services.ports.store import Announcement, Transaction
from agent_runtime.store.postgres.store import PostgresStore
from support.waiting import PATIENCE_SECONDS

T = TypeVar("T")
WAIT_SECONDS = 0.5


class Member:
    """One runtime: a store, the polls that are parked here, and the events as its watchers see them."""

    def __init__(self, url: str) -> None:
        self.polls = ParkedPolls()
        self.events: list[Event] = []
        self.rows = PostgresStore(url, secrets.token_bytes, self._hear)
        self.rows.open()
        self.store = FamilyStore(self.rows)
        self.polling = Polling(self.store, self.polls)
        self.limits: dict[str, int] = {}

    def _hear(self, news: Announcement) -> None:
        self.events += news.events
        self.polls.hear(news)

    async def do(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb as a client would: again, for as long as the database cannot be used."""
        async with asyncio.timeout(PATIENCE_SECONDS * 3):
            while True:
                with contextlib.suppress(Unavailable):
                    return await self.store.write(verb)

    async def create(self, name: str | None = None, **fields: object) -> Job:
        """Create a job, once however often it has to be asked for."""
        order = Order(JobType.START_SESSION, name or f"s-{secrets.token_hex(8)}", "hello", agent_name="echo", **fields)  # type: ignore[arg-type]
        key = IdempotencyKey(secrets.token_hex(8), "same")
        return (await self.do(lambda tx: create_job(tx, order, self._agent, key))).job

    async def register(self, **said: object) -> LauncherId:
        """Let a launcher come."""
        registration = Registration(**said)  # type: ignore[arg-type]  # the tests name fields of Registration
        return (await self.do(lambda tx: register(tx, registration))).launcher.id

    async def poll(self, launcher_id: LauncherId, wait_seconds: float = WAIT_SECONDS) -> Job | None:
        """Poll once, as a launcher with one free slot."""
        found = await self.polling.poll(Ask(launcher_id, slots=1), wait_seconds, _stays)
        return found.claims[0].job if found is not None and found.claims else None

    def _agent(self, name: str) -> AgentNeeds:
        return AgentNeeds(name, active=True, labels={})


async def _stays() -> None:
    """Be a client that does not leave."""
    await asyncio.Event().wait()


@dataclass
class Fleet:
    """The runtimes, and how often each job was let go."""

    members: list[Member]
    ran: Counter[JobId] = field(default_factory=Counter)

    async def work(self, is_over: Callable[[], bool]) -> None:
        """Be a launcher whose every call reaches another runtime, until it is over."""
        members = cycle(self.members)
        launcher_id = await next(members).register()
        while not is_over():
            job: Job | None = None
            with contextlib.suppress(Unavailable):
                job = await next(members).poll(launcher_id)
            if job is not None:
                await self._run(next(members), next(members), Proof(job.id, launcher_id, job.attempt, job.token))

    async def _run(self, first: Member, second: Member, proof: Proof) -> None:
        await first.do(lambda tx: start(tx, proof))
        self.ran[proof.job_id] += 1
        await second.do(lambda tx: finish(tx, Report(proof, JobStatus.COMPLETED, exit_code=0)))


def sail(url: str, count: int, story: Callable[[Fleet], Awaitable[None]]) -> Fleet:
    """Start runtimes, let the story happen, and stop them."""
    fleet = Fleet([Member(url) for _ in range(count)])

    async def live() -> None:
        watching = [asyncio.ensure_future(member.rows.watch()) for member in fleet.members]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS * 3):
                await story(fleet)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    try:
        asyncio.run(live())
    finally:
        for member in fleet.members:
            member.rows.close()
    return fleet
