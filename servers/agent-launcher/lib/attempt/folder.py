"""The folder that one attempt shares with its command: its prompt if that is long, its output, its own outcome."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

from lib.keeper import words
from lib.machine.disk import Disk
from lib.wire.models import Job, Json, JsonObject

OUTPUT_TAIL_BYTES = 4096
# What a command leaves about its end fits in this.
NOTE_BYTES_MAX = 1 << 20
SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def key_of(job: Job) -> str:
    """Name one attempt among all of this machine."""
    return f"{job.job_id}.{job.attempt_number}"


class RunFolder:
    """Reads and writes one attempt's folder; it starts and signals nothing."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk

    @property
    def key(self) -> str:
        return self.path.name

    @property
    def prompt_path(self) -> Path:
        return self.path / words.PROMPT_FILE

    @property
    def outcome_path(self) -> Path:
        return self.path / words.OUTCOME_FILE

    def make(self, prompt_on_stdin: bytes | None) -> None:
        """Make the folder, empty but for a prompt that is too long for an argument.

        Errors:  OSError, when the disk does not take it; nothing is left behind then.
        """
        # A runtime that does not count attempts uses a number again: what the first one left is not the second one's.
        if self._disk.exists(self.path):
            self.delete()
        self._disk.make_folder(self.path)
        if prompt_on_stdin is None:
            return
        try:
            self._disk.write(self.prompt_path, prompt_on_stdin)
        except OSError:
            self.delete()
            raise

    def read_outcome(self) -> JsonObject:
        """Read what the command itself left about its end, if anything.

        Errors:  OSError, when this process may read no file at the moment, so that it is read again later.
        """
        try:
            outcome: Json = json.loads(self._disk.read_piece(self.outcome_path, 0, NOTE_BYTES_MAX))
        except OSError as error:
            if error.errno in SHORT_OF:
                raise
            return {}
        except ValueError:
            return {}
        return outcome if isinstance(outcome, dict) else {}

    def why_not_written(self) -> str | None:
        """Say why a command that left no note about its end could not: the disk takes nothing more."""
        if self._disk.is_read_only(self.path):
            return "the disk is read-only"
        free = self._disk.free_bytes(self.path)
        return "the disk is full" if free is not None and free < NOTE_BYTES_MAX else None

    def output_bytes(self) -> int:
        try:
            return self._disk.size(self.path / words.OUTPUT_FILE)
        except OSError:
            return 0

    def read_output(self, offset: int, count: int) -> bytes:
        """Read a piece of the output; empty past its end."""
        try:
            return self._disk.read_piece(self.path / words.OUTPUT_FILE, offset, count)
        except OSError:
            return b""

    def output_tail(self) -> str:
        """The last lines of the output as text that can be shown and stored."""
        size = self.output_bytes()
        tail = self.read_output(max(0, size - OUTPUT_TAIL_BYTES), OUTPUT_TAIL_BYTES)
        text = tail.decode("utf-8", "replace").replace("\0", "")
        if size > OUTPUT_TAIL_BYTES and "\n" in text:
            text = text.partition("\n")[2]
        return text.strip()

    def delete(self) -> None:
        self._disk.delete_folder(self.path)


class RunFolders:
    """All run folders of one launcher."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk

    def of(self, job: Job) -> RunFolder:
        return RunFolder(self.path / key_of(job), self._disk)

    def delete_older(self, than: float, in_use: Callable[[], set[str]]) -> int:
        """Delete what was last written before a moment and is not in use, and say how many."""
        listed = [RunFolder(path, self._disk) for path in self._disk.folders(self.path)]
        # Asked for after the listing: an attempt is in the table before it has a folder.
        used = in_use()
        old = [run for run in listed if run.key not in used and self._written_at(run) < than]
        for run in old:
            run.delete()
        return len(old)

    def _written_at(self, run: RunFolder) -> float:
        # A job of days makes no new file in its folder, and writes into its output to the end.
        return max(self._time_of(run.path), self._time_of(run.path / words.OUTPUT_FILE))

    def _time_of(self, path: Path) -> float:
        try:
            return self._disk.modified_at(path)
        except OSError:
            return 0.0
