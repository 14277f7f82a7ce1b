"""The runtime: its real verbs, calls and upkeep on a database in memory; what is made up is only when it dies."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from fastapi import Request, Response
from pydantic import ValidationError
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from agent_runtime.domain.errors import Problem
from agent_runtime.http.launchers import REPORT_ENDPOINT, LauncherRoutes
from agent_runtime.http.wire.answers import answer_for, error_answer, internal_error
from agent_runtime.http.wire.launchers import (
    AttemptBody,
    DeclinedBody,
    HeartbeatBody,
    RegisterBody,
    ReportBody,
    ReportsBody,
)
from agent_runtime.http.wire.polls import PollQuery
from agent_runtime.services.access.callers import Caller, Role, SessionTokens
from agent_runtime.services.families.consequences import FamilyStore
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.ports.store import Announcement, Transaction
from agent_runtime.store.migrate import migrate
from agent_runtime.store.tables.columns import metadata
from agent_runtime.store.transaction import StoreTransaction, Tables
from agent_runtime.upkeep.scheduler import Upkeep
from lib.wire.models import JsonObject
from simulation.event_loop import VirtualLoop

if TYPE_CHECKING:
    from simulation.world import World

T = TypeVar("T")
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LEASE = timedelta(seconds=120)
# A lane is the same in every world, and the tables remember those that they have read.
_KEPT_TABLES = frozenset({"lanes", "alembic_version"})


class Database:
    """One SQLite database in memory, migrated once and emptied for each world."""

    def __init__(self) -> None:
        engine = create_engine("sqlite://", creator=_connect, poolclass=StaticPool, isolation_level="AUTOCOMMIT")
        self.connection = engine.connect()
        self.connection.exec_driver_sql("BEGIN")
        migrate(self.connection)
        self.connection.exec_driver_sql("COMMIT")
        self.tables = Tables(self.connection)
        self._names = [table.name for table in reversed(metadata.sorted_tables) if table.name not in _KEPT_TABLES]

    def number(self, question: str) -> int:
        """Ask for one number."""
        cursor = self.connection.connection.cursor()
        return int(cursor.execute(question).fetchone()[0])

    def ids(self, table: str) -> list[str]:
        """Name the rows of a table, in the order in which they were made."""
        cursor = self.connection.connection.cursor()
        return [row[0] for row in cursor.execute(f"SELECT id FROM {table} ORDER BY id").fetchall()]  # noqa: S608

    def empty(self) -> None:
        """Forget all rows."""
        channel = self.tables.channel
        channel.command("BEGIN")
        for name in [*self._names, "sqlite_sequence"]:
            channel.command(f"DELETE FROM {name}")  # noqa: S608  (our own names)
        channel.command("COMMIT")


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1000)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


@dataclass(frozen=True)
class CallerState:
    """What the guard has found out about a request."""

    caller: Caller


class Connection:
    """One request's connection as the runtime sees it: the little of a `Request` that the launcher's calls use."""

    def __init__(self, content: bytes) -> None:
        self.state = CallerState(Caller(Role.USER, "user"))
        self._content = content
        self._left: asyncio.Event = asyncio.Event()

    async def body(self) -> bytes:
        return self._content

    async def receive(self) -> dict[str, str]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        """Let the client be gone."""
        self._left.set()


class _Store:
    """Runs verbs one by one; the runtime may die before a commit, or between a commit and its answer."""

    def __init__(self, runtime: RuntimeLife) -> None:
        self._runtime = runtime

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        answer, news = self._runtime.commit(verb)
        pause = self._runtime.world.faults.pause_after_commit()
        if pause > 0:
            await asyncio.sleep(pause)
        self._runtime.announce(news)
        return answer

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        return self._runtime.commit(verb)[0]


class RuntimeLife:
    """One life of the runtime's process, from its start to its crash."""

    def __init__(self, world: World, database: Database) -> None:
        self.world = world
        self.loop = VirtualLoop(world.agenda)
        self.polls = ParkedPolls()
        self.store = FamilyStore(_Store(self))
        self.is_alive = True
        self._database = database
        self._upkeep = Upkeep(self.store, LEASE)
        self._routes = LauncherRoutes(self.store, self.polls, SessionTokens(b"simulated"), world.poll_seconds)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: dict[int, Callable[[], None]] = {}
        self.loop.call_soon(self._upkeep.start)

    def die(self) -> None:
        """End everything where it stands."""
        self.is_alive = False
        self.loop.end_all()
        for broken in self._open.values():
            broken()
        self._open.clear()

    def submit(
        self,
        work: Callable[[RuntimeLife], Awaitable[Response]],
        reply: Callable[[Response], None],
        broken: Callable[[], None],
    ) -> None:
        """Take a request; its answer comes, or its connection breaks with this life."""
        self._open[id(broken)] = broken

        async def serve() -> None:
            response = await self._guarded(work)
            if self.is_alive and self._open.pop(id(broken), None) is not None:
                reply(response)

        def begin() -> None:
            task = self.loop.create_task(serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self.loop.call_soon(begin)

    async def _guarded(self, work: Callable[[RuntimeLife], Awaitable[Response]]) -> Response:
        try:
            return await work(self)
        except Problem as problem:
            return answer_for(problem)
        except ValidationError as error:
            return error_answer(422, "invalid_parameters", str(error))
        except sqlite3.OperationalError:
            return internal_error()
        except Exception as error:  # noqa: BLE001  (any other one is a mistake of ours, and a finding)
            self.world.checks.mistake("the runtime", error)
            return internal_error()

    def commit(self, verb: Callable[[Transaction], T]) -> tuple[T, Announcement]:
        """Run a verb in a transaction of its own."""
        if not self.is_alive:
            raise asyncio.CancelledError
        channel, faults = self._database.tables.channel, self.world.faults
        channel.command("BEGIN")
        try:
            faults.fail_write()
            tx = StoreTransaction(self._database.tables, self.world.runtime_time(), self.world.chance.randbytes)
            answer = verb(tx)
            news = tx.announcement()
            self._die_if(faults.dies_before_commit(bool(news.events)), "before a commit")
        except BaseException:
            channel.command("ROLLBACK")
            raise
        channel.command("COMMIT")
        self.world.checks.committed(news.events)
        self._die_if(faults.dies_after_commit(bool(news.events)), "after a commit")
        return answer, news

    def announce(self, news: Announcement) -> None:
        """Tell those who wait of a commit."""
        self.polls.hear(news)
        self._upkeep.hear(news)

    def _die_if(self, dies: bool, where: str) -> None:
        if dies:
            self.world.runtime_dies(where)
            raise asyncio.CancelledError

    async def call(
        self,
        method: str,
        path: str,
        query: dict[str, str | int | float],
        body: JsonObject,
        connection: Connection,
        headers: dict[str, str],
    ) -> Response:
        """Answer one call of a launcher, as the web room would."""
        routes, parts = self._routes, path.split("/")
        if path == "/launcher/register":
            return await routes.register(cast("Request", connection), RegisterBody.model_validate(body))
        if path == "/launcher/heartbeat":
            return await routes.heartbeat(HeartbeatBody.model_validate(body))
        if path == REPORT_ENDPOINT:
            return await routes.reports(ReportsBody.model_validate(body))
        if path == "/launcher/jobs":
            return await self._poll(query, connection)
        if method == "DELETE":
            return await routes.remove(parts[2])
        return await self._of_job(parts[3], parts[4], query, body, connection, headers)

    async def _poll(self, query: dict[str, str | int | float], connection: Connection) -> Response:
        asked = PollQuery.model_validate({name: str(value) for name, value in query.items()})
        return await self._routes.poll(cast("Request", connection), asked)

    async def _of_job(
        self,
        job_id: str,
        verb: str,
        query: dict[str, str | int | float],
        body: JsonObject,
        connection: Connection,
        headers: dict[str, str],
    ) -> Response:
        routes = self._routes
        if verb == "started":
            return await routes.started(job_id, AttemptBody.model_validate(body))
        if verb == "declined":
            return await routes.declined(job_id, DeclinedBody.model_validate(body))
        if verb == "log":
            attempt = int(headers["X-Job-Attempt"])
            return await routes.log(
                cast("Request", connection),
                job_id,
                int(query["offset"]),
                headers["X-Launcher-Id"],
                attempt,
                headers.get("X-Job-Token"),
                "X-Log-Skip" in headers,
            )
        ends = {"completed": routes.completed, "failed": routes.failed, "stopped": routes.stopped}
        return await ends[verb](job_id, ReportBody.model_validate(body))


def rows(database: Database, verb: Callable[[Transaction], T], now: datetime = BEGINNING) -> T:
    """Look into the database from outside of the world."""
    return verb(StoreTransaction(database.tables, now, lambda count: bytes(count)))


def every(database: Database, table: str, look: Callable[[Transaction, str], T | None]) -> list[T]:
    """Look at each row of a table from outside of the world, in the order in which they were made."""
    tx = StoreTransaction(database.tables, BEGINNING, lambda count: bytes(count))
    found = [look(tx, name) for name in database.ids(table)]
    return [one for one in found if one is not None]
