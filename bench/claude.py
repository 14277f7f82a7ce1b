"""Real Claude Code clients through everything of ours, beside the same clients alone, in turns.

The model is a stand-in on this machine, so only what stands before and behind it is measured.
"""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from agent_backends.claude.launch import find_client
from agent_backends.claude.options import ClaudeOptions
from bench.house import House
from bench.processes import cpu_milliseconds
from bench.table import Table
from support.model_stand_in import ModelStandIn

STARTS = 7
ROUNDS = 3
FLEET = 12
FIRST_WORD = "say: hello"
ONE_TOOL = 'tool: Bash {"command": "true"}\nsay: done'


def environment(model: ModelStandIn) -> dict[str, str]:
    """What every client gets: nothing that would send it anywhere but to this machine."""
    return {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "sk-ant-stand-in",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }


def measure(house: House, table: Table, model: ModelStandIn) -> None:
    """First words, then fleets."""
    _measure_first_words(house, table, model)
    _measure_fleet(house, table, model)


def _measure_first_words(house: House, table: Table, model: ModelStandIn) -> None:
    table.section(f"The first request to the model ({STARTS} runs each, in turns, medians)")
    alone: list[float] = []
    ours: list[float] = []
    for number in range(STARTS + 1):
        alone.append(_first_word_alone(house, model))
        ours.append(_first_word_of_ours(house, model, number))
    beside = ("claude -p", statistics.median(alone[1:]))
    table.row("`POST /jobs` → first request", statistics.median(ours[1:]), "s", "1.1 x", beside)


def _first_word_alone(house: House, model: ModelStandIn) -> float:
    model.forget()
    began = time.monotonic()
    _wait_for_all([_client_alone(house, model, FIRST_WORD)])
    return model.model_calls[0].arrived_at_seconds - began


def _first_word_of_ours(house: House, model: ModelStandIn, number: int) -> float:
    model.forget()
    began = time.monotonic()
    _run_ours(house, [house.order(f"word-{number}", FIRST_WORD, "claude")])
    return model.model_calls[0].arrived_at_seconds - began


def _measure_fleet(house: House, table: Table, model: ModelStandIn) -> None:
    table.section(f"{FLEET} clients at once, one tool call each ({ROUNDS} rounds each, in turns, medians)")
    alone: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        alone.append(_fleet_alone(house, model))
        ours.append(_fleet_of_ours(house, number))
    for index, (what, unit) in enumerate((("until all are over", "s"), ("processor time of all processes", "s"))):
        beside = (f"{FLEET} x claude -p", statistics.median(run[index] for run in alone))
        table.row(what, statistics.median(run[index] for run in ours), unit, "1.15 x", beside)


def _fleet_alone(house: House, model: ModelStandIn) -> tuple[float, float]:
    used, began = _children_seconds(), time.monotonic()
    _wait_for_all([_client_alone(house, model, ONE_TOOL) for _ in range(FLEET)])
    return time.monotonic() - began, _children_seconds() - used


def _fleet_of_ours(house: House, number: int) -> tuple[float, float]:
    used, began = cpu_milliseconds(house).total(), time.monotonic()
    _run_ours(house, [house.order(f"fleet-{number}-{member}", ONE_TOOL, "claude") for member in range(FLEET)])
    return time.monotonic() - began, (cpu_milliseconds(house).total() - used) / 1000


def _run_ours(house: House, orders: list[dict[str, object]]) -> None:
    watch, connection = house.watch(), house.connect()
    for _ in connection.post_all("/jobs", orders):
        pass
    ended = watch.wait_for(len(orders))
    connection.close()
    for job in ended:
        row = house.runtime.api.job(job)
        assert row["status"] == "completed", row


def _client_alone(house: House, model: ModelStandIn, prompt: str) -> "subprocess.Popen[bytes]":
    client = find_client(ClaudeOptions(), os.environ)
    return subprocess.Popen(
        [
            client,
            "-p",
            prompt,
            "--permission-mode",
            "bypassPermissions",
            "--setting-sources",
            "",
            "--strict-mcp-config",
        ],
        env=_environment_alone(house.folder, environment(model)),
        cwd=house.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _environment_alone(folder: Path, of_model: Mapping[str, str]) -> dict[str, str]:
    home = folder / "home-alone"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **of_model}


def _wait_for_all(clients: "list[subprocess.Popen[bytes]]") -> None:
    for client in clients:
        assert client.wait(120) == 0, "claude -p failed"


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
