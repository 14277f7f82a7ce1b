"""A disk in memory: it may be full, and what was not synced may be gone after a reboot."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lib.disk import Disk

SYNCED_BY_ITSELF_AFTER_SECONDS = 30.0


@dataclass
class File:
    """What a path holds, and since when."""

    content: bytes
    modified_at: float
    is_synced: bool


class SimDisk(Disk):
    """Implements the launcher's disk; the shims of the simulation write on it too."""

    def __init__(self, chance: Random, clock: Callable[[], float]) -> None:
        self.is_full = False
        self._clock = clock
        self._chance = chance
        self._folders: dict[str, dict[str, File]] = {}
        self._deleted: list[tuple[float, str, dict[str, File]]] = []
        self._locks: set[str] = set()

    def read(self, path: Path) -> bytes:
        return self._file(path).content

    def read_piece(self, path: Path, offset: int, count: int) -> bytes:
        return self._file(path).content[offset : offset + count]

    def write(self, path: Path, content: bytes) -> None:
        self.put(path, content, is_synced=False)

    def replace(self, path: Path, content: bytes) -> None:
        self.put(path, content, is_synced=False)

    def put(self, path: Path, content: bytes, *, is_synced: bool, is_reserved: bool = False) -> None:
        """Write a file; one whose place was reserved fits onto a full disk."""
        if self.is_full and not is_reserved:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        folder = self._folders.get(os.path.dirname(path))  # noqa: PTH120  (called a million times)
        if folder is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        folder[path.name] = File(content, self._clock(), is_synced)

    def append(self, path: Path, content: bytes) -> None:
        """Write behind a file's end, as a job's output is."""
        folder = self._folders.get(os.path.dirname(path))  # noqa: PTH120
        if folder is not None and not self.is_full:
            known = folder.get(path.name)
            folder[path.name] = File((known.content if known else b"") + content, self._clock(), is_synced=False)

    def size(self, path: Path) -> int:
        return len(self._file(path).content)

    def modified_at(self, path: Path) -> float:
        return self._file(path).modified_at

    def exists(self, path: Path) -> bool:
        return str(path) in self._folders or path.name in self._folders.get(os.path.dirname(path), {})  # noqa: PTH120

    def make_folder(self, path: Path) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        for folder in (path, *path.parents):
            self._folders.setdefault(str(folder), {})

    def delete_folder(self, path: Path) -> None:
        gone = self._folders.pop(str(path), None)
        if gone is not None:
            self._deleted.append((self._clock(), str(path), gone))

    def folders(self, path: Path) -> list[Path]:
        start = f"{path}/"
        return [Path(name) for name in sorted(self._folders) if name.startswith(start)]

    def is_locked(self, path: Path) -> bool:
        return str(path) in self._locks

    def lock(self, path: Path) -> bool:
        """Take a file's lock; False if it is taken."""
        if str(path) in self._locks:
            return False
        self._locks.add(str(path))
        return True

    def unlock(self, path: Path) -> None:
        """Give a lock back, as the end of a process does."""
        self._locks.discard(str(path))

    def fill(self, *, is_full: bool) -> None:
        """Let nothing more fit, or make room."""
        self.is_full = is_full

    def lose_power(self) -> None:
        """Forget the locks, and perhaps what was not synced: files, and that folders were deleted."""
        self._locks.clear()
        recent = self._clock() - SYNCED_BY_ITSELF_AFTER_SECONDS
        for at, name, files in self._deleted:
            if at > recent and self._chance.random() < 0.3:
                self._folders.setdefault(name, files)
        self._deleted.clear()
        for files in self._folders.values():
            for name, file in sorted(files.items()):
                if not file.is_synced and file.modified_at > recent:
                    self._tear(files, name, file)

    def _tear(self, files: dict[str, File], name: str, file: File) -> None:
        fate = self._chance.random()
        if fate < 0.3:
            del files[name]
        elif fate < 0.45:
            file.content = file.content[: self._chance.randrange(len(file.content) + 1)]

    def _file(self, path: Path) -> File:
        found = self._folders.get(os.path.dirname(path), {}).get(path.name)  # noqa: PTH120
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return found
