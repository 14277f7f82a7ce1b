"""The launcher's own folder: one launcher at a time, closed to other users."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from lib.errors import ConfigurationError, StateFolderBusy

_FIRST_EDITIONS_FILE = "job.json"
_OUR_FILES = frozenset({"lock", "runs", "keepers", "identity.json", "versions.json"})


class StateFolder:
    """Holds the lock of a state folder for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def runs_path(self) -> Path:
        return self.path / "runs"

    @property
    def keepers_path(self) -> Path:
        return self.path / "keepers"

    @property
    def identity_path(self) -> Path:
        return self.path / "identity.json"

    @property
    def versions_path(self) -> Path:
        return self.path / "versions.json"

    def take(self) -> None:
        """Make the folder and take its lock.

        Errors:  StateFolderBusy, if another launcher has it; ConfigurationError, if it cannot be used.
        """
        try:
            for folder in (self.path, self.runs_path, self.keepers_path):
                _make_private(folder)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
        self._refuse_what_cannot_be_read(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _refuse_what_cannot_be_read(self, lock: int) -> None:
        left = sorted(path.parent.name for path in self.runs_path.glob(f"*/{_FIRST_EDITIONS_FILE}"))
        if not left:
            return
        os.close(lock)
        raise ConfigurationError(
            f"cannot use the state folder '{self.path}': {len(left)} jobs in '{self.runs_path}' were left by a "
            "launcher of an older version, whose records this one cannot read (let that version finish them; or "
            "remove that folder, or use another one with --state-dir, and those jobs will be counted as lost)"
        )

    def give_back(self) -> None:
        """Let another launcher have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _make_private(path: Path) -> None:
    """Make a folder that only we can open, or make sure that the one that is there is such a folder.

    Errors:  OSError; ConfigurationError.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise _unsafe(path, "it is a link, and what it leads to may change")
    if found.st_uid != os.geteuid():
        raise _unsafe(path, "it belongs to another user")
    if not stat.S_IMODE(found.st_mode) & 0o077:
        return
    names = {entry.name for entry in path.iterdir()}
    if path.name not in _OUR_FILES and names and not names & _OUR_FILES:
        # Closing a folder that others use too would take it from them.
        raise _unsafe(path, "others can open it and it is not ours alone")
    path.chmod(0o700)


def _unsafe(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot use the state folder '{path}': {why} "
        "(choose a new folder with AGENT_LAUNCHER_STATE_DIR or --state-dir)"
    )
