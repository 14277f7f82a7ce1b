"""What is to be known of a session and is not yet: the newest of each, until it has arrived."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runtime_client.wire import Json, JsonObject


class Facts:
    """Takes facts from one thread and gives them to another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unsent: dict[str, Json] = {}

    def put(self, facts: JsonObject) -> None:
        """Take facts; a newer value replaces an unsent one."""
        with self._lock:
            self._unsent.update(facts)

    def any(self) -> bool:
        """Say whether there is one that has not arrived."""
        with self._lock:
            return bool(self._unsent)

    @contextmanager
    def taken(self) -> Iterator[JsonObject]:
        """Give all of them for one try to send them; those that could not be sent stay."""
        with self._lock:
            taken = dict(self._unsent)
        yield taken
        self._forget(taken)

    def _forget(self, sent: JsonObject) -> None:
        with self._lock:
            self._unsent = {name: fact for name, fact in self._unsent.items() if name not in sent or fact != sent[name]}
