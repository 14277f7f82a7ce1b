"""What the kernel knows about processes: their children, their birth, their marks; standard library only."""

# ruff: noqa: PTH110, PTH208  (pathlib would cost each shim memory for nothing)
from __future__ import annotations

import os

from lib.keeper.kernel_files import read

BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
_LOCKS = b"Max file locks"
_STATE_FIELD = 0  # counted after the closing parenthesis of the command name
_PARENT_FIELD = 1
_START_TIME_FIELD = 19


def boot_id() -> str:
    """Name this boot of the machine; empty where the kernel does not tell."""
    return read(BOOT_ID_FILE).decode("ascii", "replace").strip()


def start_time(pid: int) -> str:
    """Tell a process from a later one with the same number; empty when there is no such process."""
    fields = _stat_fields(pid)
    return fields[_START_TIME_FIELD] if fields else ""


def parent(pid: int) -> int | None:
    """Tell a process's parent; None when there is no such process."""
    fields = _stat_fields(pid)
    return int(fields[_PARENT_FIELD]) if fields else None


def is_living(pid: int) -> bool:
    """Say whether a process still runs; a zombie does not."""
    fields = _stat_fields(pid)
    return bool(fields) and fields[_STATE_FIELD] not in ("Z", "X")


def name(pid: int) -> str:
    """Name a process as `ps` would, with its number, for a sentence that a person reads."""
    command = read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip() or "?"
    return f"{command} (pid {pid})"


def children(pid: int) -> list[int]:
    """List the direct children of a process, zombies included.

    Exact for a process that asks for its own with one thread: nothing leaves the list but by its own waiting.
    """
    found: list[int] = []
    if not _has_children_lists():
        return _children_by_parent().get(pid, [])
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found.extend(int(word) for word in read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def below(pids: list[int]) -> list[int]:
    """List living processes and everything below them."""
    found: list[int] = []
    waiting = list(pids)
    while waiting:
        current = waiting.pop()
        if current not in found and is_living(current):
            found.append(current)
            waiting.extend(children(current))
    return found


def marked(limit: int) -> list[int]:
    """List the living processes that have this soft limit of file locks."""
    return [pid for pid in _all_processes() if lock_limit(pid) == limit and is_living(pid)]


def lock_limit(pid: int) -> int | None:
    """Tell a process's soft limit of file locks; None without a limit, and without such a process."""
    _, found, rest = read(f"/proc/{pid}/limits").partition(_LOCKS)
    word = rest.split(maxsplit=1)[0] if found else b""
    return int(word) if word.isdigit() else None


def _has_children_lists() -> bool:
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def _children_by_parent() -> dict[int, list[int]]:
    by_parent: dict[int, list[int]] = {}
    for pid in _all_processes():
        fields = _stat_fields(pid)
        if fields:
            by_parent.setdefault(int(fields[_PARENT_FIELD]), []).append(pid)
    return by_parent


def _all_processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _stat_fields(pid: int) -> list[str]:
    # The command name stands in parentheses and may itself hold blanks and parentheses.
    return read(f"/proc/{pid}/stat").decode("ascii", "replace").rpartition(")")[2].split()
