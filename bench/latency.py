"""One job at a time on an idle house: how long until its process runs, and until its end is seen."""

import time

from bench import figures
from bench.house import House
from bench.raw_http import Connection

JOBS = 200
WARM_UP = 20


def measure(house: House) -> None:
    """Create a job, wait for its end, and again."""
    figures.title(f"Latency, one job at a time ({JOBS} jobs)")
    connection, watch = house.connect(), house.watch()
    posted: dict[str, int] = {}
    for number in range(WARM_UP + JOBS):
        posted.update(_one(house, connection, number))
        ended = watch.wait_for(number + 1)
    starts, ends = house.marks.of("start"), house.marks.of("end")
    measured = list(posted)[WARM_UP:]
    figures.spread(
        "POST /jobs → process running", figures.milliseconds([starts[job] - posted[job] for job in measured]), "4", "8"
    )
    figures.spread("exit → completed seen", figures.milliseconds([ended[job] - ends[job] for job in measured]), "2")
    connection.close()


def _one(house: House, connection: Connection, number: int) -> dict[str, int]:
    before = time.monotonic_ns()
    answer = connection.post("/jobs", house.order(f"latency-{number}"))
    return {str(answer["job_id"]): before}
