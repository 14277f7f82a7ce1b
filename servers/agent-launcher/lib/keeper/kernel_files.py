"""The kernel's own files, such as those of /proc: read and written in one go; standard library only.

Without Python's file objects: what those find out about a file costs more than to read it.
"""

from __future__ import annotations

import os

READ_BYTES = 1 << 16


def read(path: str) -> bytes:
    """Read a whole file; empty where it cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    parts: list[bytes] = []
    try:
        while part := os.read(file, READ_BYTES):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(file)
    return b"".join(parts)


def write(path: str, content: bytes) -> bool:
    """Write into a file that is there, and say whether the kernel took it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(file, content)
    except OSError:
        return False
    finally:
        os.close(file)
    return True
