"""One warm parent's process and the line to it; standard library only."""

# ruff: noqa: PTH100, PTH116, PTH118, PTH120, PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from lib.keeper import kernel_files, process_tree
from lib.keeper.containment import RLIMIT_LOCKS
from lib.keeper.spawn import OOM_SCORE

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "warm_parent.py")
# Over its last argument each fork writes its own command line.
TITLE_ROOM = " " * 4096
LOAD_SECONDS = 120.0
# Milliseconds where there is time for them; a crowded machine is no reason to do without.
ANSWER_SECONDS = 5.0
MESSAGE_BYTES_MAX = 1 << 17
FORKED, NO_PROCESS, GO = b"forked", b"no process", b"go"


class NotWarmError(Exception):
    """A warm parent is not what it should be; nothing was begun."""


class WarmLine:
    """Our end of the line to a warm parent, from its first moment."""

    def __init__(self, python: str, scripts: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._began = time.monotonic()
        self._conditions = conditions()
        self._files: dict[str, object] | None = None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.set_inheritable(True)
            self.pid = _execute([python, "-I", PROGRAM, str(theirs.fileno()), "1", TITLE_ROOM], environment)
        # It holds nothing, and each fork is to be chosen before its keeper.
        kernel_files.write(f"/proc/{self.pid}/oom_score_adj", OOM_SCORE)
        self._control.send(json.dumps(dict(scripts)).encode())

    @property
    def was_ready(self) -> bool:
        return self._files is not None

    def is_ready(self) -> bool:
        """Say whether it has loaded everything.

        Errors:  NotWarmError, if it never will.
        """
        if self._files is None:
            try:
                self._files = dict(json.loads(self._control.recv(MESSAGE_BYTES_MAX, socket.MSG_DONTWAIT)))
            except BlockingIOError as waiting:
                if time.monotonic() - self._began > LOAD_SECONDS:
                    raise NotWarmError from waiting
            except (OSError, ValueError, TypeError) as error:
                raise NotWarmError from error
        return self._files is not None

    def is_current(self) -> bool:
        """Say whether what it has loaded, and what it was given, is what an executed command would have now."""
        files = self._files or {}
        return self._conditions == conditions() and all(stamp(path) == seen for path, seen in files.items())

    def fork(self, script: str, order: bytes, passed: list[int]) -> int | None:
        """Have a process forked that has taken its place and all that it was told, and let it run.

        Shape:   None if no process can be had, or it cannot take what it was told; nothing was begun then.
        Errors:  NotWarmError; OSError, if this process may open no more files.
        """
        gate, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Closed in the end: whoever was not let through by then hears that nobody will, and leaves.
        with gate, theirs, open(os.memfd_create("order"), "w+b", buffering=0) as file:
            file.write(order)
            file.seek(0)
            try:
                socket.send_fds(self._control, [os.fsencode(script)], [theirs.fileno(), file.fileno(), *passed])
                theirs.close()  # so that we hear if nobody has it any more
                pid = self.hear_who_begins(gate)
                if pid is not None:
                    self.let_through(gate)
            except OSError as error:
                raise NotWarmError from error
        return pid

    def hear_who_begins(self, gate: socket.socket) -> int | None:
        """Hear the number of the process that stands at the gate.

        Errors:  NotWarmError, if there is none, or it is not a child of ours.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        if (forked := _answer(self._control, deadline)) != FORKED:
            _insist(forked == NO_PROCESS)
            return None
        answer = _answer(gate, deadline)
        if not answer.isdigit():
            return None  # it says why, and leaves
        pid = int(answer)
        _insist(process_tree.parent(pid) == os.getpid())
        return pid

    def let_through(self, gate: socket.socket) -> None:
        """Let it run."""
        gate.send(GO)

    def kill(self) -> None:
        """End it at once: it holds nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self._control.close()


def conditions() -> tuple[list[tuple[int, int]], int]:
    """Tell what a process inherits of this one beside what it is told, as far as that can change."""
    numbers = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]
    limits = [resource.getrlimit(number) for number in numbers if number != RLIMIT_LOCKS]
    return limits, os.getpriority(os.PRIO_PROCESS, 0)


def stamp(path: str) -> list[int]:
    """Tell how a file looks, so that a change shows; empty if it is not there."""
    try:
        told = os.stat(path)
    except OSError:
        return []
    return [told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]


def _insist(is_as_it_should_be: bool) -> None:
    if not is_as_it_should_be:
        raise NotWarmError


def _answer(line: socket.socket, deadline: float) -> bytes:
    line.settimeout(max(0.001, deadline - time.monotonic()))
    answer = line.recv(256)
    _insist(bool(answer))
    return answer


def _execute(argv: list[str], environment: Mapping[str, str]) -> int:
    settable = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    )
    return os.posix_spawn(argv[0], argv, dict(environment), file_actions=actions, setsigmask=[], setsigdef=settable)
