"""Runs Git without anybody's settings, for a time and an output that are limited."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.changes.repository import NoChangesError

_NO_SETTINGS: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C.UTF-8",
}
# Said once more, each for itself: no program of anybody's, and nothing so large that it takes the launcher's memory.
_WORDS = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "diff.external="),
    *("-c", "core.quotePath=false", "-c", "core.bigFileThreshold=2m", "-c", "core.untrackedCache=false"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null", "-c", "submodule.recurse=false"),
)
_SENTENCE_CHARACTERS_MAX = 300


@dataclass(frozen=True)
class Printed:
    """What a command printed; `is_cut` says that there was more."""

    content: bytes
    is_cut: bool


@dataclass(frozen=True)
class Git:
    """Git, in a repository of our own (`own`) over somebody's working tree (`top`).

    Units:   `deadline` is a moment of `monotonic`, in seconds.
    """

    own: Path
    top: Path
    path: str
    deadline: float
    monotonic: Callable[[], float]

    def run(self, words: Sequence[str], bytes_max: int, given: bytes = b"") -> Printed:
        """Run one command, and end it when it has printed too much.

        Errors:  NoChangesError.
        """
        program = shutil.which("git", path=self.path)
        if program is None:
            raise NoChangesError("there is no 'git' on this launcher's PATH (install it there)")
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as stdin:
            stdin.write(given)
            stdin.seek(0)
            process = subprocess.Popen(
                [program, *_WORDS, *words],
                env={"PATH": self.path, "GIT_DIR": str(self.own), "GIT_WORK_TREE": str(self.top), **_NO_SETTINGS},
                cwd=self.own,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            printed, status = self._read(process, bytes_max)
            if printed.is_cut or status == 0:
                return printed
            errors.seek(0)
            said = errors.read(4096).decode("utf-8", "replace").strip()
        if status < 0:
            raise NoChangesError("the repository is too large to be looked through in the time that there is")
        raise NoChangesError(f"Git says: {said[:_SENTENCE_CHARACTERS_MAX] or f'exit status {status}'}")

    def _read(self, process: subprocess.Popen[bytes], bytes_max: int) -> tuple[Printed, int]:
        assert process.stdout is not None
        timer = threading.Timer(max(0.0, self.deadline - self.monotonic()), _kill, [process])
        timer.daemon = True
        timer.start()
        try:
            content = process.stdout.read(bytes_max + 1)
        finally:
            timer.cancel()
            if len(content) > bytes_max:
                _kill(process)
            process.stdout.close()
            status = process.wait()
        return Printed(content[:bytes_max], len(content) > bytes_max), status


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Its group, for Git is more than one process at times; nobody has waited for it yet, so the number is its own.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
