"""Keeps what a turn tells within a bound, however long and fast its agent prints."""

import json
from collections import deque
from collections.abc import Callable

from runtime_client.wire import JsonObject

# A long turn of an agent that uses tools stays far below; both together are all that a turn can add to the database.
FIRST_BYTES_MAX = 8 * 1024 * 1024
LAST_BYTES_MAX = 4 * 1024 * 1024
# What an event costs beside its data: its row and its place in the indexes.
EVENT_BYTES = 256


class BoundedEvents:
    """Hands on a turn's first events as they come and its last ones at its end, and says what lies between.

    Whoever watches is told each time that what is left out has doubled.

    Units:   bytes of the events' data as JSON.
    """

    def __init__(self, send: Callable[[str, JsonObject], None]) -> None:
        self.left_out = 0
        self._send = send
        self._room = FIRST_BYTES_MAX
        self._last: deque[tuple[str, JsonObject, int]] = deque()
        self._last_bytes = 0
        self._left_out_bytes = 0
        self._said_at = LAST_BYTES_MAX

    def send(self, kind: str, data: JsonObject) -> None:
        """Take one event."""
        size = len(json.dumps(data, ensure_ascii=False)) + EVENT_BYTES
        if size <= self._room:
            self._room -= size
            self._send(kind, data)
            return
        self._room = 0
        self._last.append((kind, data, size))
        self._last_bytes += size
        while self._last_bytes > LAST_BYTES_MAX:
            self._leave_out_one()

    def finish(self) -> None:
        """Hand on the last ones."""
        if self.left_out:
            self._say_what_is_left_out()
        for kind, data, _ in self._last:
            self._send(kind, data)
        self._last.clear()

    def _leave_out_one(self) -> None:
        _, _, size = self._last.popleft()
        self._last_bytes -= size
        self._left_out_bytes += size
        self.left_out += 1
        if self._left_out_bytes >= self._said_at:
            self._said_at *= 2
            self._say_what_is_left_out()

    def _say_what_is_left_out(self) -> None:
        text = f"[... {self.left_out} events of this turn with {self._left_out_bytes} bytes left out ...]"
        self._send("message", {"role": "assistant", "text": text})
