"""Many jobs that run at the same time: how long until all run, and what each costs in memory of ours."""

import time

from bench import figures
from bench.house import House
from bench.processes import MEBIBYTE, proportional_bytes


def measure(house: House, count: int) -> None:
    """Hold so many jobs open, look, and let them go."""
    figures.title(f"{count} jobs running at once")
    watch = house.watch()
    idle_bytes = proportional_bytes(house.processes_of_launcher())
    before = len(house.marks.of("start"))
    connection = house.connect()
    began = time.monotonic_ns()
    for _ in connection.post_all("/jobs", [house.order(f"held-{count}-{number}", "hold") for number in range(count)]):
        pass
    starts = house.marks.wait_for("start", before + count)
    figures.line("until all run", (max(starts.values()) - began) / 1e9, "s")
    held_bytes = proportional_bytes(house.processes_of_launcher())
    figures.line(
        "memory of ours for each running job (PSS)", (held_bytes - idle_bytes) / count / MEBIBYTE, "MiB", "0.1"
    )
    released = time.monotonic_ns()
    house.open_gate()
    ended = watch.wait_for(count)
    figures.line("until all ends are seen", (max(ended.values()) - released) / 1e9, "s")
    connection.close()


def measure_200(house: House) -> None:
    """A busy machine."""
    measure(house, 200)


def measure_1000(house: House) -> None:
    """A very busy one."""
    measure(house, 1000)
