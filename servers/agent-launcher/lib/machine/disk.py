"""The few things that a launcher does to files, so that a simulation can do them to memory."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

_READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Disk:
    """The machine's disk; what it writes is closed to other users, and no link leads it elsewhere.

    What a command put in the place of a file (a pipe that nobody writes to) is not waited for.

    Errors:  OSError, from every method that does not say what it answers instead.
    """

    def read(self, path: Path) -> bytes:
        """Read a whole file."""
        with os.fdopen(os.open(path, _READING), "rb") as file:
            return file.read()

    def read_piece(self, path: Path, offset: int, count: int) -> bytes:
        """Read a piece of a file; empty past its end."""
        fd = os.open(path, _READING)
        try:
            return os.pread(fd, count, offset)
        finally:
            os.close(fd)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file over what it was."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file so that a reader sees all of the old content or all of the new."""
        temporary = path.with_name(path.name + ".new")
        self.write(temporary, content)
        temporary.replace(path)

    def size(self, path: Path) -> int:
        """Tell the bytes of a file."""
        return path.stat().st_size

    def mark(self, path: Path) -> str:
        """Tell what a folder has for itself, wherever its disk is put, and a copy of it has not.

        Errors:  OSError.
        """
        return str(path.stat().st_ino)

    def modified_at(self, path: Path) -> float:
        """Tell when a file was written last, in seconds since 1970."""
        return path.stat().st_mtime

    def free_bytes(self, path: Path) -> int | None:
        """Tell how much can still be written beside a file; None where the system does not say."""
        try:
            told = os.statvfs(path)
        except OSError:
            return None
        return told.f_bavail * told.f_frsize

    def is_read_only(self, path: Path) -> bool:
        """Say whether nothing can be written beside a file whatever is free."""
        try:
            return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        except OSError:
            return False

    def exists(self, path: Path) -> bool:
        return path.exists()

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it; one that is there is fine."""
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            path.mkdir(mode=0o700)
            return
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_symlink():
            raise OSError(errno.ELOOP, "a link stands where a folder of ours belongs", str(path))

    def delete_folder(self, path: Path) -> None:
        """Delete a folder with what is in it, as far as that is possible."""
        shutil.rmtree(path, ignore_errors=True)

    def folders(self, path: Path) -> list[Path]:
        """List what is in a folder, by name and without links; nothing if there is no such folder."""
        return sorted(entry for entry in path.iterdir() if not entry.is_symlink()) if path.is_dir() else []
