"""What processes really cost in memory: shared pages are divided among those who share them."""

from collections.abc import Iterable

import psutil


def proportional_bytes(processes: Iterable[psutil.Process]) -> int:
    """The proportional set size of all of them; those that just ended count nothing."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
