"""The runtime's data folder: private, used by one runtime at a time, with the secrets made at the first start."""

import fcntl
import os
import secrets
import stat
from pathlib import Path
from typing import IO

from agent_runtime.settings import UnusableSettingError

TOKEN_FILE = "token"  # noqa: S105 - the name of a file
SESSION_KEY_FILE = "session-key"
DATABASE_FILE = "runtime.db"
LOCK_FILE = "lock"
ADDRESS_FILE = "address"
CERTIFICATE_FILE = "certificate.pem"
OUR_FILES = frozenset({TOKEN_FILE, SESSION_KEY_FILE, DATABASE_FILE, LOCK_FILE})
_SECRET_BYTES = 32


class DataDir:
    """Owns the data folder while the runtime lives; the operating system gives it back if the runtime dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    @property
    def database(self) -> Path:
        """Where the embedded database lies."""
        return self.path / DATABASE_FILE

    def open(self) -> None:
        """Make the folder if need be, and keep every other runtime out of it.

        Errors:  UnusableSettingError.
        """
        try:
            self._make_private()
            self._take_lock()
        except OSError as error:
            raise UnusableSettingError(
                f"cannot use the data folder '{self.path}': {error.strerror or error} "
                "(choose another with --data-dir or AGENT_RUNTIME_DATA_DIR)"
            ) from error

    def close(self) -> None:
        """Let another runtime have the folder."""
        if self._lock is not None:
            (self.path / ADDRESS_FILE).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def token(self) -> str:
        """Read the user's token, made at the first start."""
        return self._secret(TOKEN_FILE)

    def keep_token(self, token: str) -> None:
        """Write the user's token where programs of this machine find it."""
        if self.token() != token:
            self._write_secret(self.path / TOKEN_FILE, token)

    def session_key(self) -> bytes:
        """Read the key that session tokens are signed with, made at the first start."""
        return self._secret(SESSION_KEY_FILE).encode()

    def announce(self, url: str, certificate: Path | None = None) -> None:
        """Write where the runtime of this folder answers, and what it shows, for the commands of this machine."""
        if certificate is not None:
            self._write_secret(self.path / CERTIFICATE_FILE, certificate.read_text(encoding="ascii"))
        else:
            (self.path / CERTIFICATE_FILE).unlink(missing_ok=True)
        self._write_secret(self.path / ADDRESS_FILE, url)

    def certificate(self) -> Path | None:
        """Find the certificate that the runtime of this folder shows, if it shows one."""
        path = self.path / CERTIFICATE_FILE
        return path if path.is_file() else None

    def announced(self) -> str | None:
        """Read where the runtime of this folder answers; it may have ended without taking that back."""
        try:
            return self._read_secret(self.path / ADDRESS_FILE)
        except OSError:
            return None

    def _make_private(self) -> None:
        if not self.path.exists():
            self.path.mkdir(mode=0o700, parents=True)
            return
        found = self.path.stat()
        names = {entry.name for entry in self.path.iterdir()}
        if not stat.S_IMODE(found.st_mode) & 0o077:
            return
        if found.st_uid == os.geteuid() and (not names or names & OUR_FILES):
            self.path.chmod(0o700)
        else:
            # A folder that others use too: closing it would take it from them, leaving it open would show our secrets.
            raise UnusableSettingError(
                f"cannot use '{self.path}' as data folder: others can open it and it is not ours alone "
                f"(choose a new folder, or 'chmod 700' this one)"
            )

    def _take_lock(self) -> None:
        descriptor = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        lock = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = lock.read(20).decode(errors="replace").strip()
            lock.close()
            raise UnusableSettingError(
                f"cannot use the data folder '{self.path}': another agent-runtime (process {holder or 'unknown'}) "
                "uses it (stop that one, or choose another folder with --data-dir)"
            ) from error
        lock.truncate()
        lock.write(str(os.getpid()).encode())
        lock.flush()
        self._lock = lock

    def _secret(self, name: str) -> str:
        path = self.path / name
        try:
            secret = self._read_secret(path)
        except FileNotFoundError:
            secret = self._make_secret(path)
        if len(secret) < _SECRET_BYTES:
            raise UnusableSettingError(
                f"cannot use the secret in '{path}': expected at least {_SECRET_BYTES} characters, found {len(secret)} "
                "(delete the file, and the next start makes a new one)"
            )
        return secret

    def _read_secret(self, path: Path) -> str:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                os.fchmod(file.fileno(), 0o600)
            return file.read().strip()

    def _make_secret(self, path: Path) -> str:
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._write_secret(path, secret)
        return secret

    def _write_secret(self, path: Path, secret: str) -> None:
        temporary = path.with_name(f"{path.name}.new")
        try:
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{secret}\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise UnusableSettingError(
                f"cannot write '{path}': {error.strerror} (see that its disk has room and works)"
            ) from error
