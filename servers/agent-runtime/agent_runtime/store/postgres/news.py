"""What runtimes tell each other through the database, so that a job wakes a poll wherever it is parked.

NOTIFY only makes it quick. Nothing depends on it: each runtime looks for itself every second, reads events in their
own order, and offers again what should have been taken. NOTIFY is sent apart from the transactions, a few times a
second for all of them together, because a transaction that notifies holds a lock on the whole database's commits.
"""

import asyncio
import json
import logging
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import psycopg

from agent_runtime.domain.ids import InquiryId, JobId, LauncherId
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.services.ports.queue import Lane
from agent_runtime.services.ports.store import Announcement, Announcer, Transaction
from agent_runtime.store.postgres.connection import open_connection

log = logging.getLogger(__name__)

CHANNEL = "agent_runtime"
LOOK_EVERY_SECONDS = 1.0
_LOOK_PAUSE_SECONDS = 0.01
"""Who has just looked waits so long for company: of a crowd of commits, not each is looked for."""
_NOTIFY_PAUSE_SECONDS = 0.005
_CHECK_EVERY_SECONDS = 5.0
_RECONNECT_SECONDS = 0.5
_LEAVE_SECONDS = 3.0
_EVENTS_AT_ONCE = 50
_NAMES_MAX = 100
"""How many of a kind one message names; whoever hears of more looks at everything."""


@dataclass
class Heard:
    """What other runtimes have told since it was last asked; `is_all` is that too much was told, or missed."""

    lanes: list[int] = field(default_factory=list)
    launchers: list[LauncherId] = field(default_factory=list)
    logs: list[JobId | InquiryId] = field(default_factory=list)
    due_at: datetime | None = None
    is_all: bool = False


@dataclass(frozen=True)
class Place:
    """How far the events were announced (None: not begun), and what else is to be looked for."""

    seq: int | None
    heard: Heard

    def look(self, tx: Transaction) -> "tuple[Place, Announcement]":
        """Read what is new behind this place, and who should be woken."""
        if self.seq is None:
            return Place(tx.events.bounds()[1], Heard()), Announcement(due_at=tx.now)
        events = tx.events.after(self.seq, _EVENTS_AT_ONCE)
        reached = events[-1].seq if events else self.seq
        heard = self.heard
        lanes: list[Lane] = [tx.queue.lane_by_id(lane_id) for lane_id in heard.lanes]
        launchers = list(heard.launchers)
        if heard.is_all:
            lanes = list(tx.queue.lanes_with_ready_jobs())
            launchers = [*tx.queue.launchers_to_tell_of_stops(), *tx.launchers.with_cut_poll()]
        news = Announcement(events, lanes, launchers, heard.due_at, tuple(heard.logs))
        return Place(reached, Heard(is_all=False)), news


LookAround = Callable[[Place], Awaitable[tuple[Place, Announcement]]]


class Switchboard:
    """Tells other runtimes, and hears them: two threads with a connection each, re-made for ever."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self.name = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._heard = Heard(is_all=True)
        self._to_tell = Heard()
        self._has_news = threading.Event()
        self._leaving = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stirred = asyncio.Event()
        # Closed at the end, which wakes the one who listens: nobody waits for a runtime that is leaving.
        self._hang_up = socket.socketpair()
        self._listener = threading.Thread(target=self._listen_forever, name="store-listener", daemon=True)
        self._notifier = threading.Thread(target=self._notify_forever, name="store-notifier", daemon=True)

    def open(self) -> None:
        """Start both threads."""
        self._listener.start()
        self._notifier.start()

    def close(self) -> None:
        """End both; what was not told yet is found by the others themselves."""
        self._leaving.set()
        self._has_news.set()
        self._hang_up[1].close()
        if self._notifier.is_alive():
            # Not for ever: a database that does not answer holds them, and they keep nobody else.
            self._notifier.join(_LEAVE_SECONDS)
            self._listener.join(_LEAVE_SECONDS)
        self._hang_up[0].close()

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Announce in this loop from now on."""
        self._loop = loop

    def tell(self, news: Announcement) -> None:
        """Let the other runtimes hear of a commit, soon."""
        with self._lock:
            outgoing = self._to_tell
            outgoing.lanes += [lane.id for lane in news.ready_lanes]
            outgoing.launchers += news.launchers
            outgoing.logs += [job_id for job_id in news.logs if job_id not in outgoing.logs]
            outgoing.due_at = _earlier(outgoing.due_at, news.due_at)
            if max(len(outgoing.lanes), len(outgoing.launchers), len(outgoing.logs)) > _NAMES_MAX:
                self._to_tell = Heard(due_at=outgoing.due_at, is_all=True)
        self._has_news.set()
        self._stir()

    def announce(self, news: Announcement, announce: Announcer) -> None:
        """Announce in the loop's own thread."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(announce, news)
        except RuntimeError:  # The loop is closed: the runtime is leaving.
            return

    async def watch(self, look: LookAround, announce: Announcer) -> None:
        """Look around whenever somebody stirs, and once a second; until cancelled."""
        self.serve(asyncio.get_running_loop())
        place = Place(None, Heard())
        looked_at = 0.0
        is_said = False
        while True:
            self._stirred.clear()
            heard = self._take_heard()
            if time.monotonic() - looked_at >= LOOK_EVERY_SECONDS:
                heard.is_all, looked_at = True, time.monotonic()
            try:
                place, news = await look(Place(place.seq, heard))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may work
                if not is_said:
                    log.warning("could not look for news of other runtimes", extra={"cause": str(error)[:200]})
                is_said = True
                self._hear(Heard(is_all=True))
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                continue
            is_said = False
            if news != Announcement():
                announce(news)
            if len(news.events) < _EVENTS_AT_ONCE:
                again_at = time.monotonic() + _LOOK_PAUSE_SECONDS
                await self._wait(looked_at + LOOK_EVERY_SECONDS - time.monotonic())
                await asyncio.sleep(max(0.0, again_at - time.monotonic()))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._stirred.wait()
        except TimeoutError:
            return

    def _stir(self) -> None:
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._stirred.set)
            except RuntimeError:  # The loop is closed: the runtime is leaving.
                return

    def _take_heard(self) -> Heard:
        with self._lock:
            heard, self._heard = self._heard, Heard()
        return heard

    def _hear(self, message: Heard) -> None:
        with self._lock:
            heard = self._heard
            heard.lanes += message.lanes
            heard.launchers += message.launchers
            heard.logs += message.logs
            heard.due_at = _earlier(heard.due_at, message.due_at)
            if message.is_all or len(heard.lanes) > _NAMES_MAX:
                self._heard = Heard(due_at=heard.due_at, logs=heard.logs[:_NAMES_MAX], is_all=True)
        self._stir()

    def _listen_forever(self) -> None:
        is_said = False
        while not self._leaving.is_set():
            try:
                with open_connection(self._conninfo) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    is_said = False
                    self._hear(Heard(is_all=True))  # What was told while nobody listened is missed.
                    self._listen(connection)
            except psycopg.Error as error:
                if not is_said:
                    cause = str(error).splitlines()[0][:200]
                    log.warning("lost the line to the other runtimes", extra={"cause": cause})
                is_said = True
                self._leaving.wait(_RECONNECT_SECONDS)

    def _listen(self, connection: psycopg.Connection[object]) -> None:
        checked_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._hang_up[0], selectors.EVENT_READ)
            while not self._leaving.is_set():
                if time.monotonic() - checked_at >= _CHECK_EVERY_SECONDS:
                    # A connection that died without a word looks exactly like one on which nothing is said.
                    connection.execute("SELECT 1")
                    checked_at = time.monotonic()
                for notice in connection.notifies(timeout=0):
                    message = read_message(notice.payload, self.name)
                    if message is not None:
                        self._hear(message)
                selector.select(_CHECK_EVERY_SECONDS)

    def _notify_forever(self) -> None:
        connection: psycopg.Connection[object] | None = None
        while self._has_news.wait() and not self._leaving.is_set():
            self._has_news.clear()
            with self._lock:
                outgoing, self._to_tell = self._to_tell, Heard()
            try:
                connection = connection or _open_to_tell(self._conninfo)
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, write_message(outgoing, self.name)))
            except psycopg.Error as error:
                log.warning("could not tell the other runtimes", extra={"cause": str(error).splitlines()[0][:200]})
                if connection is not None:
                    connection.close()
                connection = None
                self._leaving.wait(_RECONNECT_SECONDS)
            self._leaving.wait(_NOTIFY_PAUSE_SECONDS)
        if connection is not None:
            connection.close()


def _open_to_tell(conninfo: str) -> psycopg.Connection[object]:
    connection = open_connection(conninfo)
    # It keeps nothing that a standby would have to have: news goes out while one is away, too.
    connection.execute("SET synchronous_commit = off")
    return connection


def write_message(outgoing: Heard, name: str) -> str:
    """Word what is told; it stays below the 8,000 bytes that PostgreSQL takes."""
    due = outgoing.due_at.isoformat() if outgoing.due_at is not None else None
    words: JsonObject = {"from": name, "due": due, "all": outgoing.is_all}
    named: JsonObject = {
        "lanes": list(outgoing.lanes),
        "launchers": list(outgoing.launchers),
        "logs": list(outgoing.logs),
    }
    text = json.dumps({**words, **named}, separators=(",", ":"))
    return text if len(text) < 7900 else json.dumps({**words, "all": True})


def read_message(payload: str, own_name: str) -> Heard | None:
    """Understand what was told; nothing if it was told by ourselves. What cannot be read is a reason to look."""
    try:
        message = cast("JsonObject", json.loads(payload))
        if message["from"] == own_name:
            return None
        due = message.get("due")
        return Heard(
            lanes=[int(str(item)) for item in _items(message.get("lanes"))],
            launchers=[LauncherId(str(item)) for item in _items(message.get("launchers"))],
            logs=[JobId(str(item)) for item in _items(message.get("logs"))],
            due_at=datetime.fromisoformat(due).astimezone(UTC) if isinstance(due, str) else None,
            is_all=message.get("all") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Heard(is_all=True)


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)
