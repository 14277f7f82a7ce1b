"""The truth about every attempt of one keeper: records that are only ever appended; standard library only.

A record is one line: a checksum, a blank, a JSON object. What is not such a line (the torn end of a write that a
power cut interrupted, the empty room behind it) is passed over. One process writes, so nothing else needs a lock.
"""

# ruff: noqa: PTH104  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from typing import Protocol

from lib.keeper.words import JsonObject


class File(Protocol):
    """The disk under a journal."""

    def read(self) -> bytes: ...
    def reserve(self, size: int) -> None: ...
    def write(self, offset: int, content: bytes) -> None: ...
    def sync(self) -> None: ...
    def replace(self, content: bytes) -> None: ...


REWRITE_BYTES_MIN = 1 << 20
REWRITE_FACTOR = 4
RESERVE_STEP_BYTES = 256 * 1024


class Journal:
    """Appends records in groups and knows how much of it is still of use; it keeps no record in memory."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._end = 0
        self._reserved = 0
        self._rewritten_bytes = 0
        self._unwritten: list[bytes] = []

    def read(self) -> list[JsonObject]:
        """Read every whole record, in order."""
        content = self._file.read()
        self._end = len(content.rstrip(b"\0"))
        self._reserved = len(content)
        if not content[: self._end].endswith(b"\n"):
            self._unwritten.append(b"\n")  # behind a torn record the next one begins a line of its own
        found = (_record_in(line.lstrip(b"\0")) for line in content.split(b"\n"))
        return [record for record in found if record is not None]

    def reserve(self, extra_bytes: int) -> None:
        """Have room on the disk for so many bytes more than is written, so that a disk that fills up loses no end.

        Errors:  OSError, when the disk does not have it.
        """
        needed = self._end + sum(map(len, self._unwritten)) + extra_bytes
        if needed > self._reserved:
            size = needed + RESERVE_STEP_BYTES - needed % RESERVE_STEP_BYTES
            self._file.reserve(size)
            self._reserved = size

    def append(self, record: JsonObject) -> None:
        """Take a record; it is written with the next `flush`."""
        text = json.dumps(record).encode()
        self._unwritten.append(b"%08x %s\n" % (zlib.crc32(text), text))

    def flush(self, *, is_durable: bool = False) -> None:
        """Write what was appended; `is_durable` also takes it through a power cut.

        Errors:  OSError; what was not written is written by a later call.
        """
        if self._unwritten:
            content = b"".join(self._unwritten)
            self._file.write(self._end, content)
            self._end += len(content)
            self._unwritten.clear()
        if is_durable:
            self._file.sync()

    def forget_unwritten(self, count: int = 1) -> None:
        """Take back the newest records that could not be written."""
        del self._unwritten[len(self._unwritten) - count :]

    def is_mostly_over(self) -> bool:
        """Say whether so little of it is of use that it should be written anew."""
        return self._end > max(REWRITE_BYTES_MIN, REWRITE_FACTOR * self._rewritten_bytes)

    def rewrite(self, records: Iterable[JsonObject], extra_bytes: int = 0) -> None:
        """Begin anew with these records and so much room, whole or not at all; what is unwritten still follows.

        Errors:  OSError; the old journal goes on then.
        """
        unwritten, self._unwritten = self._unwritten, []
        for record in records:
            self.append(record)
        content, self._unwritten = b"".join(self._unwritten), unwritten
        self._file.replace(content + bytes(extra_bytes))
        self._end = self._rewritten_bytes = len(content)
        self._reserved = self._end + extra_bytes


def _record_in(line: bytes) -> JsonObject | None:
    checksum, _, text = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


class DiskFile:
    """A journal's file on a real disk; closed to other users, and no link leads it elsewhere."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = self._open(path, os.O_CREAT)

    def read(self) -> bytes:
        parts = []
        offset = 0
        while part := os.pread(self._fd, 1 << 20, offset):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def reserve(self, size: int) -> None:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._fd, 0, size)

    def write(self, offset: int, content: bytes) -> None:
        _write_whole(self._fd, offset, content)

    def sync(self) -> None:
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self._fd)

    def replace(self, content: bytes) -> None:
        fresh = self._open(f"{self._path}.new", os.O_CREAT | os.O_TRUNC)
        try:
            _write_whole(fresh, 0, content)
            os.fsync(fresh)
            os.rename(f"{self._path}.new", self._path)
        except OSError:
            os.close(fresh)
            raise
        os.close(self._fd)
        self._fd = fresh
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(os.path.dirname(self._path), os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH120
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @staticmethod
    def _open(path: str, flags: int) -> int:
        return os.open(path, os.O_RDWR | flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _write_whole(fd: int, offset: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(fd, left, offset)
        left, offset = left[written:], offset + written
