"""Carries what happens in a session to the runtime while the agent works, and what becomes known of the session:
events in order and once, of what is known the newest, and never in the agent's way.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError, UnauthorizedError
from runtime_client.retry import Retry
from runtime_client.sending.facts import Facts
from runtime_client.sending.spool import Spool
from runtime_client.wire import Json, JsonObject

BATCH_EVENTS = 100
BATCH_BYTES = 1024 * 1024
BATCH_SECONDS = 0.05
RETRY_MOST_SECONDS = 10.0


@dataclass(frozen=True)
class EventOrigin:
    """Which session, and which attempt of which job, the events come from."""

    session: str
    job_id: str | None
    attempt: int | None


@dataclass(frozen=True)
class Undelivered:
    """What was left when the sender had to give up: how many events, why, and the file that keeps them, if one can.

    Shape:   `is_known` is false if what was to be known of the session did not arrive either.
    """

    count: int
    error: str
    kept_in: Path | None
    is_known: bool


class EventSender:
    """Sends from a thread of its own; an outage of the runtime only makes it wait.

    The runtime knows each event by a client event id, so a batch whose answer was lost is simply sent again. What is to
    be known of the session travels with the events that are told with it.
    """

    def __init__(
        self, client: RuntimeClient, origin: EventOrigin, spool_folder: Path, warn: Callable[[str], None]
    ) -> None:
        self._client = client
        self._origin = origin
        self._spool = Spool(spool_folder / "events.jsonl")
        self._facts = Facts()
        self._warn = warn
        self._run = secrets.token_hex(8)
        self._count = 0
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._error = ""
        self._refused = False
        self._thread = threading.Thread(target=self._deliver_until_closed, name="event-sender", daemon=True)
        self._thread.start()

    def send(self, type: str, data: JsonObject) -> None:  # noqa: A002 - the wire's own word
        """Hand over one event; returns at once, and the event keeps its place in the order."""
        self._count += 1
        event: dict[str, Json] = {
            "type": type,
            "at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "client_event_id": f"{self._run}-{self._count}",
            "data": data,
        }
        if self._origin.job_id is not None:
            event["job_id"] = self._origin.job_id
        if self._origin.attempt is not None:
            event["attempt"] = self._origin.attempt
        self._spool.put(event)

    def remember(self, changes: JsonObject) -> None:
        """Hand over what is to be known of the session from now on; returns at once, and a newer value replaces it."""
        self._facts.put(changes)
        self._spool.wake()

    def close(self, flush_seconds: float) -> Undelivered | None:
        """Deliver what is left, for at most `flush_seconds`; return what could not be delivered."""
        self._closing.set()
        self._spool.wake()
        self._thread.join(flush_seconds)
        self._abandoned.set()
        self._thread.join(1.0)
        left, is_known = 0 if self._refused else self._spool.left(), not self._facts.any()
        if not left and is_known:
            return None
        return Undelivered(left, self._error, self._kept() if left else None, is_known)

    def _kept(self) -> Path | None:
        try:
            self._spool.keep_on_disk()
        except OSError:
            return None
        return self._spool.path

    def give_up(self) -> None:
        """Make a `close` that is waiting in another thread return now."""
        self._abandoned.set()
        self._closing.set()
        self._spool.wake()

    def _deliver_until_closed(self) -> None:
        retry = Retry(self._abandoned.wait, most_seconds=RETRY_MOST_SECONDS)
        while not self._abandoned.is_set() and self._spool.wait_for_one(closing=self._closing, or_else=self._facts.any):
            self._closing.wait(BATCH_SECONDS)
            batch = self._spool.first(BATCH_EVENTS, BATCH_BYTES)
            try:
                retry.call(partial(self._deliver_all, batch), self._keep_until_back)
            except RuntimeClientError:
                return  # abandoned, and the spool keeps what is left
            self._error = ""
            self._spool.forget(len(batch))

    def _keep_until_back(self, error: RuntimeClientError, _failures: int) -> None:
        if not self._error:
            self._warn(f"events are kept until the runtime is back: {error}")
        self._error = str(error)
        if isinstance(error, UnauthorizedError) and self._closing.is_set():
            self._abandoned.set()  # the session's token has ended with its job: waiting would not bring it back

    def _deliver_all(self, batch: list[JsonObject]) -> None:
        """Send one batch with what is to be known by now.

        Errors:  RuntimeClientError, if another try may help.
        """
        with self._facts.taken() as facts:
            if not batch or self._refused or not self._append(batch, facts):
                self._set(facts)

    def _append(self, batch: list[JsonObject], facts: JsonObject) -> bool:
        """Send both in one call; return whether the facts have arrived, whatever became of the events."""
        try:
            return self._client.append_events(self._origin.session, batch, facts)
        except RefusedError as error:
            if facts:
                self._deliver(batch)  # which of the two was refused is seen when each is sent for itself
            else:
                self._give_way(batch, error)
            return False

    def _set(self, facts: JsonObject) -> None:
        if not facts:
            return
        try:
            self._client.update_metadata(self._origin.session, facts)
        except RefusedError as error:
            self._warn(f"cannot store what is known of session {self._origin.session!r}: {error}")

    def _deliver(self, batch: list[JsonObject]) -> None:
        """Send one batch; it is done with on return, be it delivered or refused for good.

        Errors:  RuntimeClientError, if another try may help.
        """
        if self._refused:
            return
        try:
            self._client.append_events(self._origin.session, batch)
        except RefusedError as error:
            self._give_way(batch, error)

    def _give_way(self, batch: list[JsonObject], error: RefusedError) -> None:
        # One bad event must not take its neighbours along; a session that is gone takes all events with it.
        if error.http_status in {400, 413, 422}:
            if len(batch) == 1:
                self._warn(f"cannot record an event of type {batch[0].get('type')!r}: {error}")
                return
            for event in batch:
                self._deliver([event])
            return
        self._refused = True
        self._warn(f"cannot record the events of session {self._origin.session!r}: {error}")
