"""A real process under test: started with its output in a file, hurt with signals, never left behind."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from support.waiting import wait_until


class ProcessUnderTest:
    """One program that a test starts and stops, perhaps several times; its log grows through all its lives."""

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._running: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id of the present (or last) life."""
        assert self._running is not None, f"{self.name} was never started"
        return self._running.pid

    @property
    def is_alive(self) -> bool:
        """Whether the present life has not ended."""
        return self._running is not None and self._running.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave_nothing()

    def spawn(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Begin a life, in a session of its own so that the test's terminal does not reach it."""
        assert not self.is_alive, f"{self.name} runs already"
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self._running = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        """What all lives have said."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def said(self) -> str:
        """What the present life has said."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[self._log_start :].decode("utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        assert self._running is not None, f"{self.name} was never started"
        self._running.send_signal(number)

    def interrupt(self) -> None:
        """What Ctrl+C sends."""
        self.signal(signal.SIGINT)

    def freeze(self) -> None:
        """Stop it in its tracks; it keeps its sockets and its locks."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, without a word."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, timeout: float = 60.0) -> int:
        """Ask it to end, and wait; killed when it does not, which fails the test."""
        if self.is_alive:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float = 60.0) -> int:
        """The exit status, when it comes."""
        assert self._running is not None, f"{self.name} was never started"
        try:
            return self._running.wait(timeout)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
            raise AssertionError(f"{self.name} did not end within {timeout:g} s; its log:\n{self.log()}") from None

    def wait_for_line(self, text: str, timeout: float = 60.0) -> None:
        """Wait until the present life has said something."""

        def said_or_dead() -> bool:
            assert self.is_alive or text in self.said(), f"{self.name} ended, and never said {text!r}:\n{self.log()}"
            return text in self.said()

        wait_until(said_or_dead, f"{self.name} says {text!r}", timeout)

    def leave_nothing(self) -> None:
        """Kill what is left of it and of all that it started; for the end of a test."""
        if self._running is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)
            self._running.kill()
        self._running.wait()
