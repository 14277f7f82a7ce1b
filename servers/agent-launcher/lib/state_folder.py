"""The launcher's own folder: one launcher at a time, closed to other users."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lib.errors import ConfigurationError, StateFolderBusy


class StateFolder:
    """Holds the lock of a state folder for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def runs_path(self) -> Path:
        return self.path / "runs"

    @property
    def identity_path(self) -> Path:
        return self.path / "identity.json"

    def take(self) -> None:
        """Make the folder and take its lock.

        Errors:  StateFolderBusy, if another launcher has it; ConfigurationError, if it cannot be used.
        """
        try:
            self.runs_path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"cannot use the state folder '{self.path}': {error.strerror} (AGENT_LAUNCHER_STATE_DIR or --state-dir)"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise StateFolderBusy(
                f"cannot start: the state folder '{self.path}' is in use by the launcher with pid {owner or '?'} "
                "(stop that one, or give this one a folder of its own with --state-dir)"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def give_back(self) -> None:
        """Let another launcher have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
