"""What runtime and launcher cost when nothing is asked of them."""

import time

import psutil

from bench import figures
from bench.house import House
from bench.processes import MEBIBYTE, proportional_bytes

SECONDS = 60.0


def measure(house: House) -> None:
    """Wait a minute, and compare."""
    figures.title(f"Idle for {SECONDS:g} s")
    parts = {"runtime": [psutil.Process(house.runtime.pid)], "launcher": house.processes_of_launcher()}
    before = {name: _cpu_seconds(processes) for name, processes in parts.items()}
    time.sleep(SECONDS)
    for name, processes in parts.items():
        used = (_cpu_seconds(processes) - before[name]) * 60 / SECONDS
        figures.line(f"{name}: processor time per minute", used, "s", "0.1")
        figures.line(f"{name}: memory (PSS)", proportional_bytes(processes) / MEBIBYTE, "MiB")


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(time.user + time.system for time in times)
