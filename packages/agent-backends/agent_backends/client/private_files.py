"""Files that only the client is to read: arguments of a process are open to every user of the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def write_private(path: Path, content: str) -> str:
    """Write a new file of mode 0600 and return its path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    return str(path)


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """Have a folder of mode 0700 among the temporary files, which is gone with all that is in it afterwards."""
    with _made(prefix) as folder:
        yield Path(folder)


def _made(prefix: str) -> "TemporaryDirectory[str]":
    told = next((place for name in ("TMPDIR", "TEMP", "TMP") if (place := os.environ.get(name))), "/tmp")  # noqa: S108
    try:
        if os.path.isabs(told):  # noqa: PTH117 - a word of the environment, not a path of ours
            return TemporaryDirectory(prefix=prefix, dir=told, ignore_cleanup_errors=True)
    except OSError:
        pass
    # Asked only now, for it finds out by making a file and removing it, in each process anew.
    return TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
