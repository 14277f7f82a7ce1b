"""Finds the processes that carry a word of their own in their environment."""

import contextlib

import psutil


def processes_with(name: str, value: str) -> list[psutil.Process]:
    """Every living process with this variable; one whose environment nobody may read is not looked at."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
