"""Runs the `ao-*` commands as a person or a launcher would, with an environment built from nothing."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMANDS = Path(__file__).resolve().parents[2] / "commands"


@dataclass(frozen=True)
class Said:
    """What a command left: its exit status, its data, its sentences."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class Commands:
    """The commands, pointed at one runtime, started in one folder."""

    url: str
    folder: Path
    token: str | None = None

    def run(
        self, name: str, *arguments: str, stdin: str | bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Said:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(name, *arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(environment),
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run_into_full(self, streams: Sequence[str], name: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end whose `stdout`, `stderr` or both are a disk that is full."""
        with Path("/dev/full").open("wb") as full:
            to = {stream: full if stream in streams else subprocess.PIPE for stream in ("stdout", "stderr")}
            done = subprocess.run(
                self.command(name, *arguments),
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=self.environment(),
                timeout=60,
                check=False,
                stdout=to["stdout"],
                stderr=to["stderr"],
            )
        done.stderr = done.stderr or b""
        return done

    def start(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a command and leave it running."""
        return subprocess.Popen(
            self.command(name, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(environment),
        )

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return the command line; the tests' own Python runs the script, which has the same packages."""
        return [sys.executable, str(COMMANDS / name), *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment a command gets."""
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AGENT_RUNTIME_URL": self.url,
            "AGENT_RUNTIME_DATA_DIR": str(self.folder / "no-such-data"),
        }
        if self.token is not None:
            given["AGENT_RUNTIME_TOKEN"] = self.token
        return {**given, **(more or {})}
