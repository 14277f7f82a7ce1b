"""A disk in memory: it may be full, and what was not synced may be gone, torn or full of holes after a reboot."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lib.machine.disk import Disk

SYNCED_BY_ITSELF_AFTER_SECONDS = 30.0
PAGE_BYTES = 512
"""Smaller than a real page: a short journal shall have many of them, so that each can be lost."""
MUCH_ROOM_BYTES = 1 << 40


def no_room(path: object) -> OSError:
    """Say what a full disk says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@dataclass
class File:
    """What a path holds, and since when."""

    content: bytes
    modified_at: float
    is_synced: bool


class Pages:
    """A file that is written in place: what it holds for those who read it, and what the disk has of that for sure."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.kept = b""

    def write(self, offset: int, content: bytes) -> None:
        """Write over what was there; what lies between the end and the offset is empty."""
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(content)] = content

    def resize(self, size: int) -> None:
        """Cut it, or make empty room behind it."""
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))

    def sync(self) -> None:
        """Have all of it on the disk."""
        self.kept = bytes(self.content)

    def replace(self, content: bytes) -> None:
        """Have another file in its place, whole or not at all."""
        self.content = bytearray(content)
        self.kept = content

    def lose_power(self, chance: Random) -> None:
        """Keep what was synced; of the rest any pages may have come to the disk, and one of them in part."""
        fate = chance.random()
        if fate < 0.15:
            self.kept = bytes(self.content)
        elif fate < 0.9:
            self.kept = self._mixed(chance)
        self.content = bytearray(self.kept)

    def _mixed(self, chance: Random) -> bytes:
        new, old = bytes(self.content), self.kept
        size = chance.choice((len(new), len(new), len(old)))
        used = min(size, len(new.rstrip(b"\0")))
        first = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
        torn_at, holes = chance.randint(min(first, used), used), chance.choice((0.0, 0.3))
        mixed = bytearray(old[:size].ljust(size, b"\0"))
        for begin in range(first - first % PAGE_BYTES, used, PAGE_BYTES):
            page = new[begin : min(begin + PAGE_BYTES, used)]
            if begin <= torn_at < begin + PAGE_BYTES:
                page = page[: torn_at - begin]
            elif chance.random() < (0.7 if torn_at < begin else holes):
                continue
            mixed[begin : begin + len(page)] = page
        return bytes(mixed)


class SimDisk(Disk):
    """Implements the launcher's disk; keepers and commands of the simulation write on it too."""

    def __init__(self, chance: Random, clock: Callable[[], float]) -> None:
        self.is_full = False
        self._clock = clock
        self._chance = chance
        self._folders: dict[str, dict[str, File]] = {}
        self._deleted: list[tuple[float, str, dict[str, File]]] = []
        self._made_at: dict[str, float] = {}
        self._pages: dict[str, Pages] = {}

    def pages(self, path: Path) -> Pages:
        """Open a file that is written in place; it is made when it is not there."""
        return self._pages.setdefault(str(path), Pages())

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
            raise no_room(path)
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

    def mark(self, path: Path) -> str:
        return str(path)

    def modified_at(self, path: Path) -> float:
        made_at = self._made_at.get(str(path))
        return self._file(path).modified_at if made_at is None else made_at

    def free_bytes(self, path: Path) -> int | None:
        del path
        return 0 if self.is_full else MUCH_ROOM_BYTES

    def exists(self, path: Path) -> bool:
        return str(path) in self._folders or path.name in self._folders.get(os.path.dirname(path), {})  # noqa: PTH120

    def make_folder(self, path: Path) -> None:
        if str(path) in self._folders:
            return
        if self.is_full:
            raise no_room(path)
        for folder in (path, *path.parents):
            self._folders.setdefault(str(folder), {})
            self._made_at.setdefault(str(folder), self._clock())

    def delete_folder(self, path: Path) -> None:
        gone = self._folders.pop(str(path), None)
        self._made_at.pop(str(path), None)
        for name in [name for name in self._pages if name.startswith(f"{path}/")]:
            del self._pages[name]
        if gone is not None:
            self._deleted.append((self._clock(), str(path), gone))

    def folders(self, path: Path) -> list[Path]:
        start = f"{path}/"
        return [Path(name) for name in sorted(self._folders) if name.startswith(start)]

    def fill(self, *, is_full: bool) -> None:
        """Let nothing more fit, or make room."""
        self.is_full = is_full

    def lose_power(self) -> None:
        """Forget perhaps what was not synced: files, pieces of files, and that folders were deleted."""
        recent = self._clock() - SYNCED_BY_ITSELF_AFTER_SECONDS
        for at, name, files in self._deleted:
            if at > recent and self._chance.random() < 0.3:
                self._folders.setdefault(name, files)
                self._made_at.setdefault(name, at)
        self._deleted.clear()
        for files in self._folders.values():
            for name, file in sorted(files.items()):
                if not file.is_synced and file.modified_at > recent:
                    self._tear(files, name, file)
        for name in sorted(self._pages):
            self._pages[name].lose_power(self._chance)

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
