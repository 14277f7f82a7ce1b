"""Sees the ends of witnessed commands and writes them into the ledger, beside what the product says of them."""

import contextlib
import json
import os
import selectors
import threading
import time
from collections.abc import Iterator

from support.ledger import COMMAND_LIFE, Ledger, is_there

LOOK_SECONDS = 0.05


class CommandWatch:
    """Holds a descriptor of each witnessed command that runs.

    Units:   `late_seconds` is by how much this process was once late itself: no other can be asked to be faster.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.late_seconds = 0.0
        self._ledger = ledger
        self._read = 0
        self._selector = selectors.DefaultSelector()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="commands", daemon=True)

    def _work(self) -> None:
        while not self._is_over.is_set():
            asked_at = time.monotonic()
            ready = self._selector.select(LOOK_SECONDS)
            self.late_seconds = max(self.late_seconds, time.monotonic() - asked_at - LOOK_SECONDS)
            for key, _ in ready:
                self._selector.unregister(key.fileobj)
                os.close(key.fd)
                self._write_down(key.data)
            self._see_new_ones()

    def _see_new_ones(self) -> None:
        if not self._ledger.path.exists():
            return
        with self._ledger.path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        for text in whole[0].splitlines():
            line = json.loads(text)
            if line["what"] == COMMAND_LIFE:
                self._hold(line)

    def _hold(self, line: dict[str, object]) -> None:
        pid, born = line["pid"], str(line["born"])
        assert isinstance(pid, int)
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._write_down(line)
            return
        if is_there(pid, born):
            self._selector.register(descriptor, selectors.EVENT_READ, line)
        else:
            os.close(descriptor)
            self._write_down(line)

    def _write_down(self, line: dict[str, object]) -> None:
        gone = {**line, "what": "gone", "at": time.monotonic(), "wall": time.time()}
        with self._ledger.path.open("ab", buffering=0) as file:
            file.write((json.dumps(gone) + "\n").encode())

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._is_over.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()


@contextlib.contextmanager
def watched(ledger: Ledger) -> Iterator[CommandWatch]:
    """Watch a ledger's commands."""
    watch = CommandWatch(ledger)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
