"""Tells the runtime what becomes known of a session, as soon as it is known and through any outage."""

import threading
from collections.abc import Callable

from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.retry import Retry
from runtime_client.wire import Json, JsonObject

RETRY_MOST_SECONDS = 10.0


class MetadataSender:
    """Sends changes of a session's metadata from a thread of its own; a newer value replaces an unsent one."""

    def __init__(self, client: RuntimeClient, session: str, warn: Callable[[str], None]) -> None:
        self._client = client
        self._session = session
        self._warn = warn
        self._changed = threading.Condition()
        self._unsent: dict[str, Json] = {}
        self._closing = False
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._send_until_closed, name="metadata-sender", daemon=True)
        self._thread.start()

    def remember(self, changes: JsonObject) -> None:
        """Hand over changes; returns at once."""
        with self._changed:
            self._unsent.update(changes)
            self._changed.notify_all()

    def close(self, flush_seconds: float) -> bool:
        """Send what is left, for at most `flush_seconds`; return whether all of it arrived."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(flush_seconds)
        self._pause.set()
        return not self._thread.is_alive()

    def give_up(self) -> None:
        """Make a `close` that is waiting in another thread return soon."""
        self._pause.set()

    def _send_until_closed(self) -> None:
        retry = Retry(self._pause.wait, most_seconds=RETRY_MOST_SECONDS)
        while self._wait_for_changes():
            try:
                retry.call(self._send_unsent)
            except RefusedError as error:
                self._warn(f"cannot store what is known of session {self._session!r}: {error}")
            except RuntimeClientError:
                return

    def _wait_for_changes(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._unsent) or self._closing)
            return bool(self._unsent)

    def _send_unsent(self) -> None:
        with self._changed:
            changes, self._unsent = self._unsent, {}
        try:
            self._client.update_metadata(self._session, changes)
        except RuntimeClientError as error:
            if error.is_passing:
                with self._changed:
                    self._unsent = {**changes, **self._unsent}
            raise
