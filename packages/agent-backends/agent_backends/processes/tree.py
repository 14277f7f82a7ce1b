"""The processes below a process, and how to end some of them for good; Linux only, elsewhere nothing is found."""

import asyncio
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
SIGTERM_GRACE_SECONDS = 1.0
SIGKILL_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True)
class ProcessKey:
    """One process for as long as it lives: its number alone may be given to another one later."""

    pid: int
    started_ticks: int


@dataclass(frozen=True)
class _Stat:
    key: ProcessKey
    parent_pid: int
    is_zombie: bool
    ticks: int


def has_children() -> bool:
    """Whether this process has any child, or another one to collect: one question, where a list takes hundreds."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def descendants(pid: int) -> list[ProcessKey]:
    """Every living process below `pid`, nearest first."""
    return [stat.key for stat in _below(pid) if not stat.is_zombie]


def processor_seconds_below(pid: int) -> float | None:
    """How much processor time the processes below `pid` have used, with those that they have collected.

    What a process has used passes on to the one that collects it, so the sum does not fall when one ends. None where
    this system does not tell.
    """
    if not _PROC.is_dir():
        return None
    own = os.times()
    collected = own.children_user + own.children_system if pid == os.getpid() else 0.0
    return collected + sum(stat.ticks for stat in _below(pid)) / os.sysconf("SC_CLK_TCK")


def _below(pid: int) -> list[_Stat]:
    children: dict[int, list[_Stat]] = {}
    for stat in _stats():
        children.setdefault(stat.parent_pid, []).append(stat)
    found: list[_Stat] = []
    parents = [pid]
    while parents:
        below = [stat for parent in parents for stat in children.get(parent, [])]
        found.extend(below)
        parents = [stat.key.pid for stat in below]
    return found


def processes_marked(marker: str) -> list[ProcessKey]:
    """Every living process that was started with `marker`, a `NAME=value`, in its environment."""
    wanted = marker.encode()
    return [stat.key for stat in _stats() if not stat.is_zombie and wanted in _environment(stat.key.pid)]


async def end_processes(processes: Iterable[ProcessKey]) -> None:
    """End processes by SIGTERM, and by SIGKILL those that are still there a second later; return when they are gone.

    One that the kernel cannot end within SIGKILL_SECONDS, in the middle of a broken disk, is not waited for.
    """
    left = await _left_after(_signal_all(processes, signal.SIGTERM), SIGTERM_GRACE_SECONDS)
    await _left_after(_signal_all(left, signal.SIGKILL), SIGKILL_SECONDS)


async def _left_after(processes: set[ProcessKey], seconds: float) -> set[ProcessKey]:
    deadline = asyncio.get_running_loop().time() + seconds
    left = processes
    while left and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        left = {key for key in left if is_alive(key)}
    return left


def is_alive(key: ProcessKey) -> bool:
    """Whether this very process still runs; one that only waits to be reaped does not."""
    stat = _read_stat(key.pid)
    return stat is not None and stat.key == key and not stat.is_zombie


def _signal_all(processes: Iterable[ProcessKey], number: signal.Signals) -> set[ProcessKey]:
    alive = {key for key in processes if is_alive(key)}
    for key in alive:
        try:
            os.kill(key.pid, number)
        except (ProcessLookupError, PermissionError):
            # Gone in this moment, or it has become somebody else's: neither is ours to end.
            continue
    return alive


def _stats() -> Iterator[_Stat]:
    if not _PROC.is_dir():
        return
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (stat := _read_stat(int(entry.name))):
            yield stat


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The program's name stands in brackets and may be any text, brackets and spaces included.
    fields = text.rpartition(")")[2].split()
    return _Stat(
        ProcessKey(pid, int(fields[19])),
        parent_pid=int(fields[1]),
        is_zombie=fields[0] in "ZX",
        # Its own, and that of the children that it has collected.
        ticks=sum(map(int, fields[11:15])),
    )


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
