"""A thousand jobs at once, from the first request to the last end seen, beside a bare loop of spawns."""

import os
import time
from collections.abc import Callable, Iterable

import psutil

from bench import figures
from bench.house import House

JOBS = 1000
# As from many clients: requests of one connection are answered one after the other.
CONNECTIONS = 50


def measure(house: House) -> None:
    """Submit everything, each job by a call of its own, and wait for everything."""
    connections = [house.connect() for _ in range(CONNECTIONS)]

    def submit(orders: list[dict[str, object]]) -> int:
        answers = [
            connection.post_all("/jobs", orders[number::CONNECTIONS]) for number, connection in enumerate(connections)
        ]
        return sum(1 for answer in answers for _ in answer)

    _measure(house, "each by a call of its own", submit, "0.3")
    for connection in connections:
        connection.close()


def measure_list(house: House) -> None:
    """Submit everything as one list, and wait for everything."""
    connection = house.connect()

    def submit(orders: list[dict[str, object]]) -> int:
        answers = connection.post("/jobs", orders)["answers"]
        assert isinstance(answers, list)
        return sum(answer["status"] == 201 for answer in answers)

    _measure(house, "as one list", submit, "0.5")
    connection.close()


def _measure(house: House, how: str, submit: Callable[[list[dict[str, object]]], int], aim: str) -> None:
    figures.title(f"Throughput ({JOBS} jobs submitted at once, {how})")
    watch = house.watch()
    ours = house.processes_of_launcher()
    runtime = [psutil.Process(house.runtime.pid)]
    used_before = cpu_seconds(ours), cpu_seconds(runtime)
    orders = [house.order(f"many-{number}") for number in range(JOBS)]
    began = time.monotonic_ns()
    created = submit(orders)
    submitted = time.monotonic_ns()
    ended = watch.wait_for(created)
    rate = JOBS / ((max(ended.values()) - began) / 1e9)
    used = cpu_seconds(ours) - used_before[0], cpu_seconds(runtime) - used_before[1]
    bare = bare_spawn_rate(house)
    figures.line("created", JOBS / ((submitted - began) / 1e9), "jobs/s")
    figures.line("end to end", rate, "jobs/s")
    figures.line("bare spawn loop, the same program", bare, "jobs/s")
    figures.line("ratio", rate / bare, "", aim)
    figures.line("CPU of launcher and keeper for each job", used[0] / JOBS * 1000, "ms", "1.5")
    figures.line("CPU of the runtime for each job", used[1] / JOBS * 1000, "ms")


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What these processes have used so far, without what they started."""
    return sum(used.user + used.system for used in (process.cpu_times() for process in processes))


def bare_spawn_rate(house: House) -> float:
    """Spawn the program and wait for it, again and again, with no promise at all."""
    environment = {**os.environ, "BENCH_MARKS": str(house.marks.path), "AGENT_JOB_ID": "bare"}
    command = [str(house.program), "bare", "--prompt", "go"]
    began = time.monotonic_ns()
    for _ in range(JOBS):
        os.waitpid(os.posix_spawn(command[0], command, environment), 0)
    return JOBS / ((time.monotonic_ns() - began) / 1e9)
