"""The keeper's program: one thread, one loop over its socket, its children's ends and its timers.

Run by a launcher as `python -I -S program.py FOLDER NAME FD`; it outlives the launcher as long as something runs.
"""

# ruff: noqa: PTH100, PTH108, PTH120, PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import math
import os
import select
import signal
import socket
import sys
import traceback

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# Found only after the line above: `python -I` knows no script folder.
from lib.keeper.containment import Containment, contain
from lib.keeper.host import Host, become_a_subreaper
from lib.keeper.journal import DiskFile, Journal
from lib.keeper.keeper import Keeper
from lib.keeper.words import JOURNAL_FILE, LOCK_FILE, SOCKET_FILE, TRACE_FILE, LineReader, object_of
from lib.version import VERSION

UNREAD_BYTES_MAX = 64 << 20
EXIT_BUSY, EXIT_CRASHED = 4, 1


class Line(LineReader):
    """A launcher's connection; a launcher that stands still never holds up the keeper."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        connection.setblocking(False)
        connection.set_inheritable(False)
        self._unsent = bytearray()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def send(self, content: bytes) -> None:
        """Send, now or when the other end has read more."""
        self._unsent += content
        try:
            while self._unsent and self.is_open:
                del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            self.is_open = len(self._unsent) < UNREAD_BYTES_MAX
        except OSError:
            self.is_open = False


class Program:
    """Brings words and ends to the keeper, and its answers to the launcher."""

    def __init__(self, keeper: Keeper, host: Host, door: socket.socket, line: Line | None) -> None:
        self._keeper = keeper
        self._host = host
        self._door = door
        self._line = line
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake, door):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Serve until no launcher is connected and nothing runs."""
        self._keeper.take_over()
        while self._line is not None or self._keeper.is_needed():
            self._wait(self._keeper.seconds_to_wait())
            self._listen()
            self._keeper.look()
            self._speak()

    def _wait(self, seconds: float | None) -> None:
        poller = select.poll()
        for descriptor in (self._woken.fileno(), self._door.fileno(), *self._host.watched()):
            poller.register(descriptor, select.POLLIN)
        if self._line is not None:
            wanted = select.POLLIN | (select.POLLOUT if self._line.has_unsent else 0)
            poller.register(self._line.connection, wanted)
        poller.poll(None if seconds is None else math.ceil(seconds * 1000))

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        self._open_the_door()
        if self._line is None:
            return
        for text in self._line.receive():
            try:
                self._keeper.hear(object_of(json.loads(text)))
            except ValueError:
                continue  # half a message of a launcher that died
        self._hang_up_if_closed()

    def _open_the_door(self) -> None:
        try:
            connection, _ = self._door.accept()
        except (BlockingIOError, OSError):
            return
        # The state folder's lock lets one launcher live, so whoever came before is gone.
        if self._line is not None:
            self._line.connection.close()
        self._line = Line(connection)

    def _speak(self) -> None:
        answers = self._keeper.answers()
        if self._line is None:
            return
        self._line.send(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))
        self._hang_up_if_closed()

    def _hang_up_if_closed(self) -> None:
        if self._line is not None and not self._line.is_open:
            self._line.connection.close()
            self._line = None


def make_door(folder: str) -> socket.socket:
    """Listen in the keeper's folder; the path goes through the working folder, as a socket's name must be short."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.set_inheritable(False)
    os.chdir(folder)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET_FILE)
    before = os.umask(0o177)
    door.bind(SOCKET_FILE)
    os.umask(before)
    door.listen(8)
    os.chdir("/")
    return door


def be_alone(folder: str) -> bool:
    """Take the folder's lock for as long as this process lives; False if another keeper has it."""
    lock = os.open(f"{folder}/{LOCK_FILE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return True


def run(folder: str, places: Containment, line: Line | None) -> None:
    """Build a keeper and serve with it."""
    host = Host(places)
    keeper = Keeper(host, places, Journal(DiskFile(f"{folder}/{JOURNAL_FILE}")), VERSION)
    program = Program(keeper, host, make_door(folder), line)
    gc.collect()
    gc.freeze()
    program.serve()
    host.let_go()
    places.move_out()


def main(arguments: list[str]) -> None:
    """Read the folder, the name of the cgroups, the way to contain, and the first connection."""
    folder, name, way, descriptor = arguments
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # What asks others to leave is not meant for whoever must write down how they left.
        signal.signal(number, signal.SIG_IGN)
    line = Line(socket.socket(fileno=int(descriptor)))
    if not be_alone(folder):
        sys.exit(EXIT_BUSY)
    become_a_subreaper()
    try:
        run(folder, contain(name, way or None), line)
    except BaseException:  # noqa: BLE001  (the last line of a process; the trace is kept)
        with open(f"{folder}/{TRACE_FILE}", "a", encoding="utf-8") as trace:
            traceback.print_exc(file=trace)
        os._exit(EXIT_CRASHED)


if __name__ == "__main__":
    main(sys.argv[1:])
