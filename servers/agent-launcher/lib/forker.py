"""The launcher's end of the fork server: ask it for a shim, start it again if it died."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from lib.errors import SpawnFailed

FORK_SERVER = Path(__file__).with_name("fork_server.py")
LEAVE_SECONDS = 5.0


class Forker:
    """Owns the fork server process; each request hands it one run directory and one end of a gate."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The fork server's process number while there is one."""
        process = self._process
        return process.pid if process is not None else None

    def start(self) -> None:
        """Start the fork server now, so that the first job does not wait for it."""
        with self._lock:
            self._start()

    def fork_shim(self, run_path: Path) -> socket.socket:
        """Have a shim forked for a run directory and return our end of its gate; it waits there.

        Errors:  SpawnFailed, if there is no fork server and none can be started.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise SpawnFailed(f"cannot start a process: {error.strerror}") from error
        with theirs:
            try:
                self._send(os.fsencode(run_path) + b"\n", theirs.fileno())
            except OSError as error:
                ours.close()
                raise SpawnFailed(
                    f"cannot start a process: the fork server does not answer ({error.strerror})"
                ) from error
        return ours

    def stop(self) -> None:
        """Let the fork server go; shims that run stay, those that wait at a gate leave."""
        with self._lock:
            self._stop()

    def _send(self, request: bytes, gate: int) -> None:
        with self._lock:
            control = self._control or self._start()
            try:
                socket.send_fds(control, [request], [gate])
            except OSError:
                self._stop()
                socket.send_fds(self._start(), [request], [gate])

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(FORK_SERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # the terminal's Ctrl+C is for the launcher alone
            )
        self._control = ours
        return ours

    def _stop(self) -> None:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is None:
            return
        try:
            process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
