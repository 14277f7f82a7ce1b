"""The processes that a launcher needs beside its own, and how much memory each takes; read from /proc when asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.keeper import kernel_files
from lib.keeper.words import LOCK_FILE

KEEPER, WARM_PARENT = "keeper", "warm_parent"


@dataclass(frozen=True, slots=True)
class Helper:
    """A keeper, or the warm parent of one.

    Units:   `memory_bytes` is its resident memory.
    """

    kind: str
    pid: int
    memory_bytes: int


def helpers(keepers_folder: Path) -> Iterator[Helper]:
    """Find the keepers of a state folder that live, and their warm parents; none where there is no /proc."""
    for lock in sorted(keepers_folder.glob(f"*/{LOCK_FILE}")):
        pid = _number(kernel_files.read(str(lock)))
        if pid and _runs(pid, b"keeper/program.py"):
            yield Helper(KEEPER, pid, _memory(pid))
            for child in kernel_files.read(f"/proc/{pid}/task/{pid}/children").split():
                if _runs(_number(child), b"warm_parent.py"):
                    yield Helper(WARM_PARENT, _number(child), _memory(_number(child)))


def _runs(pid: int, program: bytes) -> bool:
    return program in kernel_files.read(f"/proc/{pid}/cmdline")


def _memory(pid: int) -> int:
    pages = kernel_files.read(f"/proc/{pid}/statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else 0


def _number(text: bytes) -> int:
    return int(text) if text.strip().isdigit() else 0
