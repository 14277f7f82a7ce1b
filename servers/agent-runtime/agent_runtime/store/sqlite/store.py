"""The embedded store: one SQLite file, one thread that does every write and every checkpoint.

SQLite 3.7.0 to 3.51.2 can lose committed writes in WAL mode when two connections write or checkpoint, so there
is one. Work that arrives while a commit is on its way to the disk is committed together with what else has
arrived: under load many answers share one fsync, and an idle runtime waits for no one.
"""

import asyncio
import contextlib
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from agent_runtime.domain.errors import Unavailable
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.services.ports.store import Announcement, Announcer, Transaction
from agent_runtime.store.clock import Clock
from agent_runtime.store.sqlite.refusals import is_unknown_outcome, sentence_of
from agent_runtime.store.transaction import StoreTransaction, Tables
from agent_runtime.store.trouble import Trouble

T = TypeVar("T")

READERS = 2
_BATCH_MAX = 64
# A commit writes some 25 pages, and copying them back costs two more fsyncs: 16 MB of log are let grow first.
_WAL_PAGES = 4000
_LOOKS_AGAIN_SECONDS = 1.0
"""How often a database that could not be written is tried while nobody asks for anything."""
_ROOM_BYTES = 1024 * 1024
"""With less room than this a disk is as good as full, although a small change may still be taken."""
_NOTHING_CHANGED = "nothing was changed"
_NOT_KNOWN = "whether the change was kept is not known, ask again with the same idempotency key if there was one"


@dataclass
class _Unit(Generic[T]):
    """A verb on its way to the writer, and where its answer goes."""

    verb: Callable[[Transaction], T]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[T]
    value: T | None = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Give the answer; runs in the caller's loop."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.value)  # type: ignore[arg-type]


class SqliteStore:
    """Runs verbs against one SQLite file.

    It owns its threads and connections: `open` makes them, `close` waits for the last commit.
    """

    def __init__(self, path: Path, clock: Clock, random_bytes: RandomBytes, announce: Announcer) -> None:
        self._path = path
        self._clock = clock
        self._random_bytes = random_bytes
        self._announce = announce
        self.trouble = Trouble()
        self._units: queue.SimpleQueue[_Unit[object] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._reading = threading.local()
        self._engines: list[Engine] = []

    def open(self) -> None:
        """Start the writer; the file must exist and be of our version by now."""
        # Opened here: a writer that fails in its own thread would leave everybody waiting.
        engine = sqlite_engine(self._path, read_only=False)
        arguments = (engine, engine.connect())
        self._thread = threading.Thread(target=self._write_forever, args=arguments, name="store-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what was accepted, then let go of the file."""
        self._units.put(None)
        if self._thread is not None:
            self._thread.join()
        self._readers.shutdown()
        for engine in self._engines:
            engine.dispose()

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb in the writer; the answer comes after its commit is on disk.

        Errors:  Unavailable, when the disk does not take it; the caller may ask again.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        unit = _Unit(verb, loop, answer)
        self._units.put(cast("_Unit[object]", unit))
        return await answer

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb on a read-only connection; it sees the newest commit.

        Errors:  Unavailable, when the disk does not give it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, verb)

    def _read(self, verb: Callable[[Transaction], T]) -> T:
        try:
            return self._read_once(verb)
        except (sqlite3.OperationalError, DBAPIError) as error:
            sentence = sentence_of(self._path, error, _NOTHING_CHANGED)
            if sentence is None:
                raise
            raise Unavailable("database_unavailable", sentence) from error

    def _read_once(self, verb: Callable[[Transaction], T]) -> T:
        tables: Tables | None = getattr(self._reading, "tables", None)
        if tables is None:
            engine = sqlite_engine(self._path, read_only=True)
            self._engines.append(engine)
            tables = self._reading.tables = Tables(engine.connect())
        tables.channel.command("BEGIN")
        try:
            return verb(StoreTransaction(tables, self._clock.now(), self._random_bytes))
        finally:
            tables.channel.command("ROLLBACK")

    def _write_forever(self, engine: Engine, connection: Connection) -> None:
        tables = Tables(connection)
        while (first := self._wait(tables)) is not None:
            if not self._commit(tables, first):
                tables = Tables(connection)  # What the old ones remember was perhaps never committed.
        connection.close()
        engine.dispose()

    def _wait(self, tables: Tables) -> _Unit[object] | None:
        """Wait for work; while the disk takes nothing, see each second whether it does again."""
        while self.trouble.now is not None:
            try:
                return self._units.get(timeout=_LOOKS_AGAIN_SECONDS)
            except queue.Empty:
                self._try_to_write(tables)
        return self._units.get()

    def _try_to_write(self, tables: Tables) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            # What the log holds may find room where it belongs, and the log be begun anew.
            tables.channel.command("PRAGMA wal_checkpoint(PASSIVE)")
        with contextlib.suppress(sqlite3.OperationalError, OSError):
            # Written although it is the same: one page of log.
            tables.channel.command("PRAGMA user_version=1")
            if shutil.disk_usage(self._path.parent).free >= _ROOM_BYTES:
                self.trouble.is_over()

    def _next(self) -> _Unit[object] | None:
        try:
            unit = self._units.get_nowait()
        except queue.Empty:
            return None
        if unit is None:
            self._units.put(None)  # The order to stop: seen again after this batch.
        return unit

    def _commit(self, tables: Tables, first: _Unit[object]) -> bool:
        """Run what has arrived, and what arrives while that runs, and commit it all at once."""
        batch = [first]
        news: list[Announcement] = []
        failure: Exception | None = None
        became = _NOTHING_CHANGED
        unit: _Unit[object] | None = first
        try:
            tables.channel.command("BEGIN IMMEDIATE")
            while unit is not None:
                news.append(self._run(tables, unit))
                unit = self._next() if len(batch) < _BATCH_MAX else None
                batch += [unit] if unit is not None else []
            became = _NOT_KNOWN
            tables.channel.command("COMMIT")
        except Exception as error:  # noqa: BLE001 - a full disk fails these callers, and nobody else
            failure = error
            self._undo(tables)
            news = []
            self._fail(batch, error, became if is_unknown_outcome(error) else _NOTHING_CHANGED)
        if failure is None and self.trouble.now is not None:
            self._try_to_write(tables)  # What was committed may have changed nothing.
        self._deliver(batch, news)
        return failure is None

    def _fail(self, batch: Sequence[_Unit[object]], error: Exception, became: str) -> None:
        """Let everybody whose work was in this commit hear why there is none."""
        sentence = sentence_of(self._path, error, became)
        if sentence is not None:
            self.trouble.met(sentence, len(batch))
        for unit in batch:
            unit.error = error if sentence is None else Unavailable("database_unavailable", sentence)

    def _undo(self, tables: Tables) -> None:
        try:
            tables.channel.command("ROLLBACK")
        except sqlite3.OperationalError:  # SQLite has already rolled back by itself, as it does on a full disk.
            return

    def _run(self, tables: Tables, unit: _Unit[object]) -> Announcement:
        """Run one verb so that its failure undoes its own writes and no others."""
        tables.channel.command("SAVEPOINT verb")
        tx = StoreTransaction(tables, self._clock.now(), self._random_bytes)
        try:
            unit.value = unit.verb(tx)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it, the batch goes on
            unit.error = error
            tables.channel.command("ROLLBACK TO verb")
            tables.channel.command("RELEASE verb")
            return Announcement()
        tables.channel.command("RELEASE verb")
        return tx.announcement()

    def _deliver(self, batch: Sequence[_Unit[object]], news: Sequence[Announcement]) -> None:
        def deliver() -> None:
            for unit in batch:
                unit.deliver()
            for announcement in news:
                if announcement != Announcement():
                    self._announce(announcement)

        try:
            batch[0].loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # The loop is closed: the runtime is leaving, and what it asked for is on disk.
            return


def sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    """Open one connection for one thread, set up as the protocol says.

    Shape:   autocommit: the transactions are begun and ended by hand.
    Source:  docs/decisions/0003-one-writer-with-group-commit.md
    """

    def connect() -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10.0)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", f"wal_autocheckpoint={_WAL_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA {'query_only=ON' if read_only else 'journal_mode=WAL'}")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, isolation_level="AUTOCOMMIT")
