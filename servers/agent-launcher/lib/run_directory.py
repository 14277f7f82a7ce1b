"""One attempt's folder: its order, its output, its verdict; together these folders are the outbox.

The only code on the launcher's side that knows the files by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lib import process_tree, run_files
from lib.disk import Disk
from lib.models import Job, Json, JsonObject

OUTPUT_TAIL_BYTES = 4096


class RunState(Enum):
    """What a run directory says about its attempt to a launcher that has just started."""

    ACKED = "acked"  # done, the runtime knows
    ENDED = "ended"  # there is a verdict, not acknowledged
    RUNNING = "running"  # the shim holds the lock
    NEVER_STARTED = "never_started"
    SHIM_DIED = "shim_died"  # started, no verdict, nobody holds the lock
    HOST_REBOOTED = "host_rebooted"  # the same, before this boot of the machine
    UNREADABLE = "unreadable"  # its order was never completely written, so nothing ran


@dataclass(frozen=True, slots=True)
class ShimIdentity:
    """Which process holds the lock, said so that a later process with its number is not taken for it."""

    pid: int
    start_time: str
    boot_id: str


class RunDirectory:
    """Reads and writes one attempt's folder; it starts and signals nothing."""

    def __init__(
        self, path: Path, job: Job, disk: Disk | None = None, boot_id: Callable[[], str] = process_tree.boot_id
    ) -> None:
        self.path = path
        self.job = job
        self._disk = disk or Disk()
        self._boot_id = boot_id

    @property
    def output_path(self) -> Path:
        return self.path / run_files.OUTPUT_FILE

    @property
    def outcome_path(self) -> Path:
        return self.path / run_files.OUTCOME_FILE

    @property
    def prompt_path(self) -> Path:
        return self.path / run_files.PROMPT_FILE

    def write_order(self, launch: JsonObject, prompt_on_stdin: bytes | None) -> None:
        """Make the folder and write what the shim is to run.

        Errors:  OSError, when the disk does not take it; nothing is left behind then.
        """
        self._disk.make_folder(self.path)
        try:
            if prompt_on_stdin is not None:
                self._disk.write(self.prompt_path, prompt_on_stdin)
            order: JsonObject = {"job": self.job.to_json(), "launch": launch, "boot_id": self._boot_id()}
            self._disk.replace(self.path / run_files.JOB_FILE, json.dumps(order).encode())
        except OSError:
            self.delete()
            raise

    def is_locked(self) -> bool:
        """Say whether a shim lives here, which is the only proof of it that we trust."""
        return self._disk.is_locked(self.path / run_files.LOCK_FILE)

    def exists(self) -> bool:
        return self._disk.exists(self.path)

    def is_gone(self) -> bool:
        """Say whether this folder alone was deleted; all of them missing is a disk that is not there."""
        return not self.exists() and self._disk.exists(self.path.parent)

    def shim_identity(self) -> ShimIdentity | None:
        """Read who wrote the lock file; only worth something while the lock is held."""
        told = self._read_object(self.path / run_files.LOCK_FILE)
        pid, start, boot = told.get("pid"), told.get("start_time"), told.get("boot_id")
        if not isinstance(pid, int) or not isinstance(start, str) or not isinstance(boot, str):
            return None
        return ShimIdentity(pid, start, boot)

    def has_started(self) -> bool:
        return self._disk.exists(self.path / run_files.STARTED_FILE)

    def started_at(self) -> float | None:
        """When the command was started, in seconds since 1970."""
        try:
            return self._disk.modified_at(self.path / run_files.STARTED_FILE)
        except OSError:
            return None

    def is_from_this_boot(self) -> bool:
        return self._read_object(self.path / run_files.JOB_FILE).get("boot_id") == self._boot_id()

    def read_verdict(self) -> JsonObject | None:
        """Read how the command ended; None while there is no complete verdict."""
        return self._read_object(self.path / run_files.EXIT_FILE) or None

    def write_verdict(self, verdict: JsonObject) -> None:
        """Write a verdict for a shim that cannot."""
        self._disk.replace(self.path / run_files.EXIT_FILE, json.dumps(verdict).encode())

    def write_spawn_failure(self, sentence: str, now: float) -> None:
        """Write the verdict of an attempt that was granted and whose shim did not come up."""
        self.write_verdict({"reason": "spawn_failed", "error": sentence, "ended_at": now})

    def has_crashed(self) -> bool:
        """Say whether the shim left the trace of an error of its own."""
        return self._disk.exists(self.path / run_files.CRASH_FILE)

    def read_outcome(self) -> JsonObject:
        """Read what the command itself left about its outcome, if anything."""
        return self._read_object(self.outcome_path)

    def write_stop(self, reason: str, grace_seconds: float | None) -> None:
        """Write why the shim is to stop, before it is signalled."""
        told: JsonObject = {"reason": reason}
        if grace_seconds is not None:
            told["grace_seconds"] = grace_seconds
        self._disk.replace(self.path / run_files.STOP_FILE, json.dumps(told).encode())

    def output_bytes(self) -> int:
        try:
            return self._disk.size(self.output_path)
        except OSError:
            return 0

    def read_output(self, offset: int, count: int) -> bytes:
        """Read a piece of the output; empty past its end."""
        try:
            return self._disk.read_piece(self.output_path, offset, count)
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

    def mark_acked(self, note: str) -> None:
        """Note that the runtime knows all that is here."""
        self._disk.write(self.path / run_files.ACKED_FILE, note.encode())

    def acked_at(self) -> float | None:
        try:
            return self._disk.modified_at(self.path / run_files.ACKED_FILE)
        except OSError:
            return None

    def state(self) -> RunState:
        """Read off the recovery table what this attempt is."""
        if self.acked_at() is not None:
            return RunState.ACKED
        # The lock first: a shim that ends between the two looks has then left its verdict.
        is_locked = self.is_locked()
        if self.read_verdict() is not None:
            return RunState.ENDED
        if is_locked:
            return RunState.RUNNING
        if not self.has_started():
            return RunState.NEVER_STARTED
        return RunState.SHIM_DIED if self.is_from_this_boot() else RunState.HOST_REBOOTED

    def delete(self) -> None:
        self._disk.delete_folder(self.path)

    def _read_object(self, path: Path) -> JsonObject:
        return _object_in(self._disk, path)


class RunsFolder:
    """All run directories of one launcher."""

    def __init__(self, path: Path, disk: Disk | None = None, boot_id: Callable[[], str] = process_tree.boot_id) -> None:
        self.path = path
        self._disk = disk or Disk()
        self._boot_id = boot_id

    def directory_for(self, job: Job) -> RunDirectory:
        return self._directory(self.path / f"{job.job_id}.{job.attempt_number}", job)

    def attempts_of(self, job_id: str) -> list[RunDirectory]:
        """Find all attempts of one job that this machine still remembers."""
        return [run for run in self.all() if run.job.job_id == job_id]

    def all(self) -> Iterator[RunDirectory]:
        """Read every run directory; those without a readable order are deleted, as nothing can have run from them."""
        for path in self._disk.folders(self.path):
            job = _read_job(self._disk, path)
            run = self._directory(path, job or Job(path.name, "unknown", "unknown"))
            if job is not None:
                yield run
            elif not run.is_locked():
                run.delete()

    def prune(self, older_than_seconds: float, now: float) -> int:
        """Delete what was acknowledged long ago and say how many; folders that are just being made are left alone."""
        pruned = 0
        for path in self._disk.folders(self.path):
            run = self._directory(path, Job(path.name, "unknown", "unknown"))
            acked_at = run.acked_at()
            if acked_at is not None and now - acked_at > older_than_seconds:
                run.delete()
                pruned += 1
        return pruned

    def _directory(self, path: Path, job: Job) -> RunDirectory:
        return RunDirectory(path, job, self._disk, self._boot_id)


def _read_job(disk: Disk, path: Path) -> Job | None:
    told = _object_in(disk, path / run_files.JOB_FILE).get("job")
    try:
        return Job.from_json(told) if isinstance(told, dict) else None
    except ValueError:
        return None


def _object_in(disk: Disk, path: Path) -> JsonObject:
    try:
        told: Json = json.loads(disk.read(path))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
