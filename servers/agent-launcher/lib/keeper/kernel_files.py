"""The kernel's own files, such as those of /proc: read and written in one go; standard library only."""

# ruff: noqa: PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import os


def read(path: str) -> bytes:
    """Read a whole file; empty where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def write(path: str, content: bytes) -> bool:
    """Write into a file that is there, and say whether the kernel took it."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CLOEXEC), "wb", buffering=0) as file:
            file.write(content)
    except OSError:
        return False
    return True
