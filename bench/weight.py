"""What running sessions weigh, by kind of process, and what everything costs while nothing runs."""

import time
from collections import Counter

from bench.house import House
from bench.processes import MEBIBYTE, cpu_milliseconds, memory_by_kind
from bench.table import Table
from support.model_stand_in import ModelStandIn

FEW = 20
MANY = 200
CLAUDES = 4
IDLE_SECONDS = 20.0
HOLDING_PROMPT = "slow: 600\nsay: done"


def measure(house: House, table: Table, model: ModelStandIn) -> None:
    """Idle first, then sessions that hold."""
    _measure_idle(house, table)
    table.section("Memory of ours for each running session (PSS, what is more than at rest)")
    _measure_sessions(house, table, "holds", FEW, "8")
    _measure_claudes(house, table, model)
    _measure_many(house, table)


def _measure_idle(house: House, table: Table) -> None:
    table.section(f"At rest ({IDLE_SECONDS:g} s)")
    time.sleep(5.0)
    before = cpu_milliseconds(house).total()
    time.sleep(IDLE_SECONDS)
    used = (cpu_milliseconds(house).total() - before) / 1000 * 60 / IDLE_SECONDS
    table.row("processor time in a minute, runtime and launcher", used, "s", "0.1 (launcher)")
    for kind, used_bytes in sorted(memory_by_kind(house).items()):
        table.row(f"memory of: {kind}", used_bytes / MEBIBYTE, "MiB")
    table.row("memory of launcher and keeper", _of_launcher(memory_by_kind(house)) / MEBIBYTE, "MiB", "60")


def _measure_sessions(house: House, table: Table, agent: str, count: int, aim: str) -> None:
    before, marked = memory_by_kind(house), len(house.marks.of("start"))
    _order(house, agent, count, "go")
    house.marks.wait_for("start", marked + count)
    time.sleep(1.0)
    _print(table, "command", memory_by_kind(house), before, count, aim)
    _let_go(house, marked + count)


def _measure_claudes(house: House, table: Table, model: ModelStandIn) -> None:
    before = memory_by_kind(house)
    model.forget()
    jobs = _order(house, "claude", CLAUDES, HOLDING_PROMPT)
    while len(model.model_calls) < CLAUDES:
        time.sleep(0.1)
    time.sleep(1.0)
    _print(table, "claude", memory_by_kind(house), before, CLAUDES, "15")
    for job in jobs:
        house.runtime.api.ask("POST", f"/jobs/{job}/stop")
    _wait_until_over(house, jobs)


def _measure_many(house: House, table: Table) -> None:
    table.section(f"{MANY} sessions of `command` at once")
    before, marked = memory_by_kind(house), len(house.marks.of("start"))
    began = time.monotonic_ns()
    _order(house, "holds", MANY, "go")
    starts = house.marks.wait_for("start", marked + MANY, 600.0)
    table.row("until all run", (max(starts.values()) - began) / 1e9, "s", "6")
    time.sleep(1.0)
    more = memory_by_kind(house) - before
    more.pop("agent", None)
    table.row("memory of ours", sum(more.values()) / MEBIBYTE, "MiB", "1800")
    _let_go(house, marked + MANY)


def _order(house: House, agent: str, count: int, prompt: str) -> list[str]:
    connection = house.connect()
    now = time.monotonic_ns()
    orders = [house.order(f"{agent}-{now}-{number}", prompt, agent) for number in range(count)]
    jobs = [str(answer["job_id"]) for answer in connection.post_all("/jobs", orders)]
    connection.close()
    return jobs


def _print(table: Table, backend: str, now: "Counter[str]", before: "Counter[str]", count: int, aim: str) -> None:
    more = {kind: (used - before[kind]) / count / MEBIBYTE for kind, used in now.items()}
    agent = more.pop("agent", 0.0)
    for kind, used in sorted(more.items()):
        table.row(f"`{backend}`: {kind}", used, "MiB")
    table.row(f"`{backend}`: all of ours", sum(more.values()), "MiB", aim, ("the agent's own", agent))


def _let_go(house: House, count: int) -> None:
    house.open_gate()
    house.marks.wait_for("end", count)
    _wait_until_over(house, [row["job_id"] for row in house.runtime.api.jobs(status="running")])


def _wait_until_over(house: House, jobs: list[str]) -> None:
    while any(house.runtime.api.job(job)["status"] in {"pending", "claimed", "running", "stopping"} for job in jobs):
        time.sleep(0.2)


def _of_launcher(memory: "Counter[str]") -> float:
    return sum(used for kind, used in memory.items() if kind != "runtime")
