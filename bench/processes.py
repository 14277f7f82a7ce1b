"""What processes of ours cost: processor time with that of what they have collected, and memory by kind."""

from collections import Counter
from collections.abc import Iterable

import psutil

from bench.house import House

MEBIBYTE = 1024 * 1024
# A word of the command line, and what it makes the process; the first that is found counts.
KINDS = (
    ("bench-agent", "agent"),
    ("_bundled/claude", "agent"),
    ("guard_process", "guard"),
    ("keeper/", "keeper"),
    ("agent-launcher", "launcher"),
    ("agent-runtime", "runtime"),
)


def ours(house: House) -> list[psutil.Process]:
    """Runtime, launcher, its keepers and all that descends from them, agents too."""
    roots = [psutil.Process(house.runtime.pid), psutil.Process(house.launcher.pid), *house.launcher.keepers.processes()]
    found = {process.pid: process for root in roots for process in (root, *root.children(recursive=True))}
    return list(found.values())


def cpu_milliseconds(house: House) -> Counter[str]:
    """What each kind has used so far; `commands` is what those used that have ended and were collected."""
    found: Counter[str] = Counter()
    for process in ours(house):
        try:
            used, kind = process.cpu_times(), kind_of(process)
        except psutil.NoSuchProcess:
            continue
        found[kind] += round((used.user + used.system) * 1000)
        found["commands"] += round((used.children_user + used.children_system) * 1000)
    return found


def memory_by_kind(house: House) -> Counter[str]:
    """Bytes of proportional set size by kind of process; shared pages are divided among those who share them."""
    found: Counter[str] = Counter()
    for process in ours(house):
        try:
            found[kind_of(process)] += proportional_bytes([process])
        except psutil.NoSuchProcess:
            continue
    return found


def kind_of(process: psutil.Process) -> str:
    """What it is, by its command line; of what started an agent, the agent's own processes are the agent."""
    words = " ".join(process.cmdline()) or process.name()
    if words.startswith("warm-parent"):
        return "warm parent"
    if any(name in words for name in ("/commands/ao-", "ao-start ", "ao-resume ")):
        return "uv" if words.startswith(("uv ", "/usr/bin/uv ")) or "/uv run" in words else "ao-start"
    return next((kind for word, kind in KINDS if word in words), "agent")


def proportional_bytes(processes: Iterable[psutil.Process]) -> int:
    """The proportional set size of all of them; those that just ended count nothing."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
