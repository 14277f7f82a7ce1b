"""One job at a time on an idle house: how long until its process runs, and until its end is seen."""

import time

from bench import figures
from bench.house import House
from bench.raw_http import CompletionWatch, Connection

JOBS = 200
WARM_UP = 20
RESTED_JOBS = 60
REST_SECONDS = 0.15
"""By then what was warm has cooled down, in the kernel too."""


def measure(house: House) -> None:
    """Create a job, wait for its end, and again; then with a rest before each."""
    connection, watch = house.connect(), house.watch()
    _run(house, connection, watch, "warm-up", WARM_UP)
    figures.title(f"Latency, one job at a time ({JOBS} jobs)")
    _spread(house, watch, _run(house, connection, watch, "latency", JOBS))
    figures.title(f"Latency, one job at a time, each after {REST_SECONDS:g} s of rest ({RESTED_JOBS} jobs)")
    _spread(house, watch, _run(house, connection, watch, "rested", RESTED_JOBS, REST_SECONDS))
    connection.close()


def _run(
    house: House, connection: Connection, watch: CompletionWatch, name: str, count: int, rest_seconds: float = 0.0
) -> dict[str, int]:
    posted: dict[str, int] = {}
    ended_before = len(watch.wait_for(0))
    for number in range(count):
        time.sleep(rest_seconds)
        before = time.monotonic_ns()
        answer = connection.post("/jobs", house.order(f"{name}-{number}"))
        posted[str(answer["job_id"])] = before
        watch.wait_for(ended_before + number + 1)
    return posted


def _spread(house: House, watch: CompletionWatch, posted: dict[str, int]) -> None:
    starts, ends, seen = house.marks.of("start"), house.marks.of("end"), watch.wait_for(0)
    figures.spread(
        "POST /jobs → process running", figures.milliseconds([starts[job] - at for job, at in posted.items()]), "4", "8"
    )
    figures.spread("exit → completed seen", figures.milliseconds([seen[job] - ends[job] for job in posted]), "2")
