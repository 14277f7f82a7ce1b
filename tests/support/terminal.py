"""A terminal of the tests: what a program writes to it, and what a person types into it."""

import os
import pty
import re
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_ORDERS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
PATIENCE_SECONDS = 60.0


class Terminal:
    """A program in a terminal of its own, ended when the block is left."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._leader, follower = pty.openpty()
        self._seen = b""
        self._process = subprocess.Popen(
            # A shell takes charge only of the terminal that controls it.
            words,
            cwd=folder,
            env=environment,
            preexec_fn=lambda: os.login_tty(follower),
        )
        os.close(follower)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._leader)
        self._process.kill()
        self._process.wait()

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._leader, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until this is seen, whatever orders to the terminal stand between; what came before it is forgotten."""
        while text not in (shown := _ORDERS.sub("", self._seen.decode(errors="replace"))):
            piece = self._read()
            assert piece, f"{text!r} was never shown, but:\n{shown}"
            self._seen += piece
        self._seen = b""

    def rest(self) -> bytes:
        """Read, as it comes, all that is still written."""
        while piece := self._read():
            self._seen += piece
        self._process.wait(PATIENCE_SECONDS)
        return self._seen

    def _read(self) -> bytes:
        """What was written since; nothing if nobody will write, or has for long."""
        if not select.select([self._leader], [], [], PATIENCE_SECONDS)[0]:
            return b""
        try:
            return os.read(self._leader, 65536)
        except OSError:  # how Linux says that nobody has the terminal any more
            return b""
