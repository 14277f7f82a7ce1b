"""Files that only the client is to read: arguments of a process are open to every user of the machine."""

import os
from pathlib import Path


def write_private(path: Path, content: str) -> str:
    """Write a new file of mode 0600 and return its path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    return str(path)
