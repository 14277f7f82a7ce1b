"""Many real jobs at once, and the commands that only look: what a user of the real commands waits and pays for."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from bench import hops
from bench.house import House
from bench.processes import cpu_milliseconds
from bench.table import Table
from support.project import REPOSITORY

JOBS = 100
READS = 10
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    b'"clientInfo":{"name":"bench","version":"1"}}}\n'
)
MCP_SERVER = REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"


def measure(house: House, table: Table) -> None:
    """One at a time, a hundred at once, and looking at what they left."""
    hops.measure(house, table)
    _measure_burst(house, table)
    _measure_readers(house, table)


def _measure_burst(house: House, table: Table) -> None:
    table.section(f"{JOBS} jobs at once, agent `echo`")
    watch, connection = house.watch(), house.connect()
    used, began = cpu_milliseconds(house), time.monotonic()
    for _ in connection.post_all("/jobs", [house.order(f"echo-{number}") for number in range(JOBS)]):
        pass
    watch.wait_for(JOBS)
    seconds = time.monotonic() - began
    used = cpu_milliseconds(house) - used
    bare_seconds, bare_used = _bare_echo()
    table.row("end to end", JOBS / seconds, "jobs/s", "60", ("bare spawn and wait", JOBS / bare_seconds))
    each = used.total() / JOBS - bare_used / JOBS * 1000
    table.row("processor time of ours for each job", each, "ms", "25", ("the agent's own", bare_used / JOBS * 1000))
    for kind, kinds_own in used.items():
        table.row(f"of it, with the agent's: {kind}", kinds_own / JOBS, "ms")
    connection.close()


def _bare_echo() -> tuple[float, float]:
    """Seconds and processor seconds of as many spawns of the same agent, one after the other."""
    command = [str(REPOSITORY / "agents/echo/echo")]
    used, began = _children_seconds(), time.monotonic()
    for _ in range(JOBS):
        subprocess.run(command, input=b"go", stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began, _children_seconds() - used


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure_readers(house: House, table: Table) -> None:
    table.section(f"Commands that look at what is over, whole process ({READS} runs, medians)")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(house.folder),
        "AGENT_RUNTIME_URL": house.runtime.url,
        "AGENT_RUNTIME_TOKEN": house.runtime.token,
    }
    commands = {
        "ao-status": ["echo-1"],
        "ao-list-sessions": [],
        "ao-get-result": ["echo-1"],
        "ao-logs": ["echo-1"],
        "ao-wait": ["echo-1"],
    }
    bare: list[tuple[float, float]] = []
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(READS):
        bare.append(_run([sys.executable, "-I", "-c", "pass"], environment))
        for name, words in commands.items():
            found[name].append(_run([str(REPOSITORY / "commands" / name), *words], environment))
    for name, runs in found.items():
        beside = ("python -I", _middle(bare, 0))
        table.row(f"`{name}`", _middle(runs, 0), "ms", "120", beside)
        table.row(f"`{name}`, processor time", _middle(runs, 1), "ms", "", ("python -I", _middle(bare, 1)))
    answers = [_mcp_answers(environment) for _ in range(READS)]
    table.row("MCP over stdio: start → first answer", statistics.median(answers), "ms", "400")


def _middle(runs: Sequence[tuple[float, float]], index: int) -> float:
    return statistics.median(run[index] for run in runs)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall and processor milliseconds of one command."""
    used, began = _children_seconds(), time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    return (time.monotonic() - began) * 1000, (_children_seconds() - used) * 1000


def _mcp_answers(environment: Mapping[str, str]) -> float:
    began = time.monotonic()
    with subprocess.Popen(
        [str(MCP_SERVER)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(INITIALIZE)
        server.stdin.flush()
        assert b'"result"' in server.stdout.readline()
        answered = time.monotonic()
        server.stdin.close()
    return (answered - began) * 1000
