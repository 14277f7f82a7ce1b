"""The shared store: one PostgreSQL database, any number of runtimes.

A verb runs in a transaction of its own, on one of a few connections. If the database refuses it because somebody
else was in the way, or the connection breaks before the commit, nothing has happened and the verb runs again. If
the connection breaks during the commit, the database is asked afterwards what became of that very transaction.
"""

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

import psycopg
from sqlalchemy import Engine

from agent_runtime.domain.errors import Unavailable
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.services.ports.store import Announcement, Announcer, Transaction
from agent_runtime.store.clock import Clock
from agent_runtime.store.postgres.connection import (
    Meaning,
    PostgresConnection,
    conninfo_of,
    engine_for,
    meaning_of,
    met_by_driver,
    place_of,
)
from agent_runtime.store.postgres.news import Place, Switchboard
from agent_runtime.store.postgres.threads import BoundedThreads, NotBegunError, StillAtWorkError
from agent_runtime.store.transaction import StoreTransaction
from agent_runtime.store.trouble import Trouble

log = logging.getLogger(__name__)

T = TypeVar("T")

WRITERS = 6
READERS = 3
PATIENCE_SECONDS = 8.0
"""How long one call goes on trying: less than the ten seconds after which a launcher gives a call up."""
ANSWER_SECONDS = 30.0
"""How long one attempt may take: as long as the longest statement. Only a commit that waits for a standby is longer."""
LEAVE_SECONDS = 3.0
"""How long a runtime that leaves waits for the database: its callers have been answered by then, or are gone."""
_BACKOFF_SECONDS = (0.01, 0.5)
_LOOKS_AGAIN_SECONDS = 1.0
"""How often a database that could not be used is tried, whoever asks for something."""


class _NotCommittedError(Exception):
    """Nothing has happened, and the same verb may be run again."""


class _UnknownOutcomeError(Exception):
    """The connection broke during the commit; `transaction_id` is what to ask the database for.

    Shape:   `timeline` is the line of history to which the number belongs.
    """

    def __init__(self, transaction_id: int | None, timeline: object = None) -> None:
        super().__init__(transaction_id)
        self.transaction_id = transaction_id
        self.timeline = timeline


@dataclass(frozen=True)
class _Done(Generic[T]):
    value: T
    news: Announcement


class PostgresStore:
    """Runs verbs against one PostgreSQL database.

    It owns its threads and connections. `watch` tells the other parts of this runtime what was committed anywhere.

    Shape:   `clock` is for tests; without one the database's own clock counts, which is the same for all runtimes.
    """

    def __init__(self, url: str, random_bytes: RandomBytes, announce: Announcer, clock: Clock | None = None) -> None:
        self._conninfo = conninfo_of(url)
        self._random_bytes = random_bytes
        self._announce = announce
        self._clock = clock
        self.trouble = Trouble()
        self._engine: Engine = engine_for(self._conninfo)
        self._reading_engine: Engine = engine_for(self._conninfo, writes=False)
        self._writers = BoundedThreads("store-writer", WRITERS)
        self._readers = BoundedThreads("store-reader", READERS)
        self._own = threading.local()
        self._open: set[PostgresConnection] = set()
        self._open_lock = threading.Lock()
        self._is_leaving = False
        self._switchboard = Switchboard(self._conninfo)

    def open(self) -> None:
        """Begin to tell other runtimes what is committed here; connections are opened when they are needed."""
        self._switchboard.open()

    def close(self) -> None:
        """Finish what was accepted, then let go of the database; what it has not ended by then is left to it."""
        self._is_leaving = True
        left = self._writers.close(LEAVE_SECONDS)
        if left:
            log.error(
                "transactions are left to the database, which does not say what becomes of them (is a standby away?)",
                extra={"transactions": left, "database": place_of(self._conninfo)},
            )
        if left or self._readers.close(LEAVE_SECONDS):
            self._hang_up()
        self._switchboard.close()
        for connection in self._open:
            connection.close()
        self._engine.dispose()
        self._reading_engine.dispose()

    def _hang_up(self) -> None:
        """Free every thread from a database that does not answer, or the process could not end."""
        with self._open_lock:
            still_open = tuple(self._open)
        for connection in still_open:
            connection.hang_up()
        self._writers.close(LEAVE_SECONDS)
        self._readers.close(LEAVE_SECONDS)

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb and commit, again and again while others are in the way.

        Errors:  Unavailable, when the database could not be used for too long; the caller may ask again.
        """
        try:
            return await self._patiently(self._writers, lambda: self._write_once(verb))
        except StillAtWorkError as late:
            # A commit that waits for its standby is left to wait. Cancelled, it could be seen by whoever asks again,
            # and be acknowledged although only one server has it.
            raise self._unknown() from late

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb on one state of the whole database; it changes nothing.

        Errors:  Unavailable, as for `write`.
        """
        try:
            return await self._patiently(self._readers, lambda: self._read_once(verb))
        except StillAtWorkError as late:
            raise self._unavailable(late) from late

    async def watch(self) -> None:
        """Announce, for ever and in order, what this and the other runtimes commit; until cancelled.

        While the database cannot be used, see each second whether it can again.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._switchboard.watch(self._look_around, self._announce))
            both.create_task(self._look_again())

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_AGAIN_SECONDS)
            if self.trouble.now is not None:
                # Somebody's small change, or what is read, says nothing: a full database takes and gives both.
                with contextlib.suppress(_NotCommittedError, NotBegunError, StillAtWorkError):
                    await self._writers.do(self._try_to_write, _LOOKS_AGAIN_SECONDS, ANSWER_SECONDS)
                    self.trouble.is_over()

    def _try_to_write(self) -> None:
        connection = self._connection(writes=True)
        try:
            connection.try_room()
        except psycopg.Error as error:
            # What it may not do says nothing about room.
            self._undo(connection, error)

    async def _look_around(self, place: Place) -> tuple[Place, Announcement]:
        return await self.read(lambda tx: place.look(tx))

    async def _patiently(self, threads: BoundedThreads, once: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        self._switchboard.serve(loop)
        # What is known already need not be found out by each caller for himself.
        deadline = loop.time() + (PATIENCE_SECONDS if self.trouble.now is None else _LOOKS_AGAIN_SECONDS)
        pause, longest = _BACKOFF_SECONDS
        while True:
            try:
                done = await threads.do(once, deadline - loop.time(), ANSWER_SECONDS)
            except _NotCommittedError as again:
                is_full = isinstance(met_by_driver(again.__cause__), psycopg.errors.DiskFull)
                if is_full or loop.time() + pause > deadline:
                    raise self._unavailable(again.__cause__) from again.__cause__
            except NotBegunError as busy:
                raise self._unavailable(busy) from busy
            else:
                return done
            # Not in the thread: whoever is not in anybody's way goes on meanwhile.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, guards nothing
            pause = min(pause * 2, longest)

    def _unavailable(self, error: BaseException | None) -> Unavailable:
        cause = str(error).splitlines()[0][:200] if error is not None else "no connection"
        sentence = f"cannot use the database {place_of(self._conninfo)} at the moment: {cause}"
        self.trouble.met(sentence)
        return Unavailable("database_unavailable", f"{sentence} (nothing was changed; ask again)")

    def _write_once(self, verb: Callable[[Transaction], T]) -> T:
        connection = self._connection(writes=True)
        tables = connection.tables
        try:
            tx = StoreTransaction(tables, self._now(connection), self._random_bytes)
            value = verb(tx)
            transaction_id = tables.channel.flush()
            news = tx.announcement()
            if not news.events:
                connection.stand_behind_others()
        except Exception as error:
            self._undo(connection, error)
            raise
        try:
            self._commit(connection, transaction_id)
        except _UnknownOutcomeError as unknown:
            self._ask_what_became_of(unknown)
        self._tell(news)
        return value

    def _read_once(self, verb: Callable[[Transaction], T]) -> T:
        connection = self._connection(writes=False)
        try:
            value = verb(StoreTransaction(connection.tables, self._now(connection), self._random_bytes))
            connection.tables.channel.command("COMMIT")
        except Exception as error:
            self._undo(connection, error)
            raise
        return value

    def _now(self, connection: PostgresConnection) -> datetime:
        now = connection.begin()
        return now if self._clock is None else self._clock.now()

    def _commit(self, connection: PostgresConnection, transaction_id: int | None) -> None:
        try:
            warning = connection.commit()
        except psycopg.Error as error:
            lost = connection.driver.closed or connection.driver.broken
            self._forget(connection)
            if lost:
                raise _UnknownOutcomeError(transaction_id, connection.timeline) from error
            raise _NotCommittedError from error  # The database itself refused the commit.
        if warning is not None:  # A synchronous standby is away: a failover could take the commit back.
            log.warning("the database does not vouch for a commit", extra={"cause": warning[:200]})
            raise self._unknown()

    def _ask_what_became_of(self, unknown: _UnknownOutcomeError) -> None:
        """Return if the transaction was committed after all."""
        if unknown.transaction_id is None:
            return  # It changed nothing, so it is as good as committed.
        if self._is_leaving:
            raise self._unknown() from unknown.__cause__  # We hung up ourselves, and nobody waits for it any more.
        try:
            connection = self._connection(writes=True)
            found = connection.driver.execute(
                "SELECT pg_xact_status(%s::text::xid8)", (str(unknown.transaction_id),)
            ).fetchone()
        except (psycopg.Error, _NotCommittedError) as error:
            raise self._unknown() from error
        # A standby that took over may never have heard of it, and have given its number to somebody else.
        is_known = connection.timeline == unknown.timeline
        status = found[0] if isinstance(found, tuple) and is_known else None
        if status == "aborted":
            raise _NotCommittedError from unknown.__cause__
        if status != "committed":
            raise self._unknown() from unknown.__cause__

    def _unknown(self) -> Unavailable:
        return Unavailable(
            "database_unavailable",
            f"cannot tell whether a commit in the database {place_of(self._conninfo)} took place or will last "
            "(ask again, with the same idempotency key if there was one)",
        )

    def _undo(self, connection: PostgresConnection, error: Exception) -> None:
        """Leave the transaction, and say with another error if the verb may simply run again."""
        met = met_by_driver(error)
        meaning = meaning_of(met, connection.driver) if isinstance(met, psycopg.Error) else Meaning.OURS
        try:
            connection.tables.channel.command("ROLLBACK")
        except psycopg.Error:
            meaning = Meaning.CONNECTION_LOST
        if meaning is Meaning.CONNECTION_LOST or isinstance(met, psycopg.Error):
            # What the tables remember may never have been committed.
            self._forget(connection)
        if meaning is not Meaning.OURS:
            raise _NotCommittedError from error

    def _connection(self, *, writes: bool) -> PostgresConnection:
        """Give this thread's connection, a new one if the last one broke."""
        connection: PostgresConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            try:
                connection = PostgresConnection(self._engine if writes else self._reading_engine, writes=writes)
            except Exception as error:
                met = met_by_driver(error)
                if isinstance(met, psycopg.OperationalError):
                    raise _NotCommittedError from met
                raise
            self._own.connection = connection
            with self._open_lock:
                self._open.add(connection)
        return connection

    def _forget(self, connection: PostgresConnection) -> None:
        self._own.connection = None
        with self._open_lock:
            self._open.discard(connection)
        connection.close()

    def _tell(self, news: Announcement) -> None:
        """Wake at once whom it concerns here; events go through `watch`, which knows the order of all runtimes."""
        if news == Announcement():
            return
        self._switchboard.tell(news)
        rest = replace(news, events=())
        if rest != Announcement():
            self._switchboard.announce(rest, self._announce)
