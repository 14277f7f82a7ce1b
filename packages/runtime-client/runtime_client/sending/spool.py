"""Events on their way: in memory while the runtime answers, on disk while it does not."""

import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from runtime_client.wire import JsonObject

EVENTS_IN_MEMORY = 500


class Spool:
    """A queue without an end that keeps its order and little memory.

    Shape:   the oldest events are in memory; once there are EVENTS_IN_MEMORY of them, newer ones are lines of a file,
             until the file has been read to its end. Where no file can be written, all of them are in memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changed = threading.Condition()
        self._oldest: deque[bytes] = deque()
        self._on_disk = 0
        self._read_offset = 0

    def put(self, event: JsonObject) -> None:
        """Append one event; never waits for the network, never fails."""
        line = json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n"
        with self._changed:
            if not (self._on_disk or len(self._oldest) >= EVENTS_IN_MEMORY) or not self._append_to_file(line):
                self._oldest.append(line)
            self._changed.notify_all()

    def wake(self) -> None:
        """Make waiting threads look again."""
        with self._changed:
            self._changed.notify_all()

    def wait_for_one(self, closing: threading.Event, or_else: Callable[[], bool] = lambda: False) -> bool:
        """Wait until there is an event, or something else to do; false once `closing` is set and there is neither."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._oldest) or or_else() or closing.is_set())
            return bool(self._oldest) or or_else()

    def first(self, events_max: int, bytes_max: int) -> list[JsonObject]:
        """Return some of the oldest events, at least one if there is one, and keep them."""
        chosen: list[bytes] = []
        size = 0
        with self._changed:
            for line in self._oldest:
                size += len(line)
                if chosen and (len(chosen) == events_max or size > bytes_max):
                    break
                chosen.append(line)
        return [json.loads(line) for line in chosen]

    def forget(self, count: int) -> None:
        """Drop the `count` oldest events, and read more from disk when none is left in memory."""
        with self._changed:
            for _ in range(count):
                self._oldest.popleft()
            if self._on_disk and not self._oldest:
                self._refill()

    def left(self) -> int:
        """Say how many events there are."""
        with self._changed:
            return len(self._oldest) + self._on_disk

    def keep_on_disk(self) -> None:
        """Write everything that is left to the file, in order.

        Errors:  OSError, when the disk does not take it.
        """
        with self._changed:
            unread = self._unread_bytes() if self._on_disk else b""
            with _open_private(self.path, os.O_TRUNC) as file:
                file.write(b"".join(self._oldest) + unread)
            self._read_offset = 0

    def _append_to_file(self, line: bytes) -> bool:
        try:
            with _open_private(self.path, os.O_APPEND) as file:
                file.write(line)
        except OSError:  # a full disk, which may have taken a part of the line
            self._leave_the_file()
            return False
        self._on_disk += 1
        return True

    def _leave_the_file(self) -> None:
        """Go on in memory alone; what a turn says is bounded, so this is too."""
        if self._on_disk:
            self._oldest.extend(self._unread_bytes().splitlines(keepends=True)[: self._on_disk])
        self._on_disk = self._read_offset = 0
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _refill(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._read_offset)
            for line in file:
                self._oldest.append(line)
                self._on_disk -= 1
                self._read_offset += len(line)
                if len(self._oldest) == EVENTS_IN_MEMORY:
                    break
        if not self._on_disk:
            self._leave_the_file()

    def _unread_bytes(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self._read_offset)
            return file.read()


def _open_private(path: Path, how: int) -> BinaryIO:
    """Open a file for writing that only its owner may read: events carry the agent's words."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o600), "wb")
