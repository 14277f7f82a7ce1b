"""A process of ours in the background: its output in a file, its end in our hands."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

LOOK_EVERY_SECONDS = 0.05
STOP_SECONDS = 30.0
LAST_LINES = 12
# Whoever ends by itself so often in so short a time would go on doing so.
STARTS_MAX, STARTS_SECONDS = 4, 60.0
EXIT_BROKEN = 1


class CannotRunError(Exception):
    """Something that is needed did not start; the text says what, and why."""


class Background:
    """One process, started in a session of its own so that the terminal's Ctrl+C reaches only us."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._began: list[float] = []
        self._begin: Callable[[str], subprocess.Popen[bytes]] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def was_started(self) -> bool:
        """Whether it was started, whatever became of it."""
        return self._process is not None

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start it; its log begins anew.

        Errors:  CannotRunError, if there is no such program.
        """
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._begin = partial(self._popen, command, dict(environment), folder)
        self._process = self._begin("wb")

    def begin_again(self) -> bool:
        """Start it once more if it was killed or broke; its log goes on.

        Shape:   False if it ended in another way, or does so again and again.
        Errors:  CannotRunError, if its program is gone.
        """
        code = None if self._process is None else self._process.poll()
        if code is None or self._begin is None or not (code < 0 or code == EXIT_BROKEN):
            return False
        lately = [moment for moment in self._began if moment > time.monotonic() - STARTS_SECONDS]
        if len(lately) >= STARTS_MAX:
            return False
        self._process = self._begin("ab")
        return True

    def _popen(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, mode: str
    ) -> "subprocess.Popen[bytes]":
        self._began.append(time.monotonic())
        with self.log.open(mode) as output:
            try:
                return subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotRunError(f"cannot start the {self.name}: {error}") from error

    def wait_until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until the process does what it was started for.

        Errors:  CannotRunError with its last words, if it ends first or takes too long.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.is_alive:
                raise CannotRunError(f"cannot start the {self.name}: it ended at once\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise CannotRunError(f"the {self.name} did not {what} within {seconds:g} s\n{self.last_words()}")
            time.sleep(LOOK_EVERY_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, at the latest after this time."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.is_alive

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it lives."""
        if self._process is not None and self.is_alive:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask it to end; twice, because the launcher's second request ends its jobs; then insist."""
        for request in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            self.signal(request)
            if self.wait(STOP_SECONDS):
                return

    def last_words(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])
        return ""


def run_aside(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> str:
    """What a short command prints; nothing when it fails."""
    try:
        done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
