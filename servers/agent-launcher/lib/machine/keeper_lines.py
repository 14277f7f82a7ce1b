"""Sockets to real keepers, and their processes: found, started, heard and let go."""

from __future__ import annotations

import json
import logging
import os
import resource
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lib.keeper import process_tree
from lib.keeper.host import become_a_subreaper
from lib.keeper.words import COLLECTED, SOCKET_FILE, TRACE_FILE, LineReader
from lib.wire.models import JsonObject

log = logging.getLogger("agent-launcher")

PROGRAM = Path(__file__).resolve().parents[1] / "keeper" / "program.py"
SEND_SECONDS = 20
LEAVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What one keeper said; no message when its line was cut."""

    keeper: str
    message: JsonObject | None


def collected(pid: int, start_time: str, code: int) -> JsonObject:
    """Tell how a process ended that fell to us when its keeper died, in the words for keepers."""
    return {"say": COLLECTED, "pid": pid, "start_time": start_time, "code": code}


class Line(LineReader):
    """Our end of one keeper's socket."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        # A keeper that stands still must not hold up whoever has something to say for ever.
        limit = struct.pack("ll", SEND_SECONDS, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._lock = threading.Lock()

    def send(self, content: bytes) -> None:
        """Send; on a line that is cut or blocked it is lost, and the line closed."""
        try:
            with self._lock:
                self.connection.sendall(content)
        except OSError:
            self.shut()

    def shut(self) -> None:
        """Let the reader see the end."""
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


class SocketLines:
    """Lines to the keepers of one state folder."""

    def __init__(self, folder: Path, way: str, environment: Mapping[str, str], program: Path = PROGRAM) -> None:
        self._folder = folder
        self._way = way
        self._environment = dict(environment)
        self._program = program
        self._lines: dict[str, Line] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, "")
        # What a dying keeper leaves falls to us, as the keeper is our child: nothing of it is out of sight.
        become_a_subreaper()

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if path.is_dir() and not path.is_symlink())

    def open(self, name: str) -> bool:
        """Reach the keeper that lives in a folder, or start one there."""
        self.close(name)
        folder = self._folder / name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            connection = _reach(folder) or self._start(name, folder)
        except OSError as error:
            log.error("cannot start the keeper of jobs error=%s", error)  # noqa: TRY400
            return False
        self._lines[name] = Line(connection)
        self._selector.register(connection, selectors.EVENT_READ, name)
        return True

    def close(self, name: str) -> None:
        line = self._lines.pop(name, None)
        if line is not None:
            self._selector.unregister(line.connection)
            line.connection.close()

    def discard(self, name: str) -> None:
        self.close(name)
        try:
            # One that an earlier launcher started leaves in its own time; a later start clears up after it.
            if (process := self._processes.pop(name, None)) is not None:
                process.wait(LEAVE_SECONDS)
                shutil.rmtree(self._folder / name, ignore_errors=True)
        except subprocess.TimeoutExpired:
            return

    def send(self, name: str, message: JsonObject) -> None:
        line = self._lines.get(name)
        if line is not None:
            line.send(json.dumps(message).encode() + b"\n")

    def wait(self, seconds: float) -> list[Heard]:
        heard: list[Heard] = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            else:
                heard += self._read(str(key.data))
        return heard

    def wake(self) -> None:
        self._wake.send(b"w")

    def collect(self) -> list[JsonObject]:
        """Collect who fell to us; our own keepers are collected too, and are nobody's to be told of."""
        keepers = {process.pid for process in self._processes.values()}
        found: list[JsonObject] = []
        while (pid := _ended_child()) is not None:
            start_time = process_tree.start_time(pid)
            if pid in keepers:
                for process in self._processes.values():
                    process.poll()
                continue
            found.append(collected(pid, start_time, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
        return found

    def _read(self, name: str) -> list[Heard]:
        line = self._lines.get(name)
        if line is None:
            return []
        heard = [Heard(name, json.loads(text)) for text in line.receive()]
        if not line.is_open:
            self.close(name)
            heard.append(Heard(name, None))
        return heard

    def _start(self, name: str, folder: Path) -> socket.socket:
        found = folder.stat()
        # The same each time for the same folder, so that a later keeper finds what an earlier one began.
        group = f"agent-launcher.{found.st_dev:x}-{found.st_ino:x}"
        ours, theirs = socket.socketpair()
        with theirs, _append_to(folder / TRACE_FILE) as trace:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-I", "-S", self._program, str(folder), group, self._way, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=trace,
                env=self._environment,
                start_new_session=True,  # the terminal's Ctrl+C is for the launcher alone
            )
        if hasattr(resource, "prlimit"):
            # Ours may have been raised for ourselves; jobs are to have what the launcher was given.
            resource.prlimit(self._processes[name].pid, resource.RLIMIT_NOFILE, self._descriptors)
        log.info("keeper of jobs started pid=%d", self._processes[name].pid)
        return ours


def _append_to(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "ab")


def _reach(folder: Path) -> socket.socket | None:
    """Connect to the keeper that lives in a folder; None if none does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A socket's name is at most 107 bytes long; a folder's may be longer.
        near = Path(f"/proc/self/fd/{at}")
        connection.connect(str((near if near.exists() else folder) / SOCKET_FILE))
    except OSError:
        connection.close()
        return None
    finally:
        os.close(at)
    return connection


def _ended_child() -> int | None:
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return ended.si_pid if ended is not None else None
