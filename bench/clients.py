"""The real clients of other agents through everything of ours, beside the same clients alone, in turns.

The models are a stand-in on this machine, so only what stands before them is measured.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.house import House
from bench.processes import MEBIBYTE, memory_by_kind
from bench.table import Table
from support.client_rigs import ALL, RealClient, rig_of
from support.model_stand_in import ModelStandIn
from support.project import REPOSITORY
from support.real_clients import program, why_not

ROUNDS = 5
PROMPT = "say: hello"
HOLDING_PROMPT = "slow: 600\nsay: done"
# As a person would run each once; those of the protocol have no other way that is the same program.
_LINES: Mapping[str, tuple[str, ...]] = {
    "codex": ("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT),
    "gemini": ("gemini", "-p", PROMPT, "--yolo", "--skip-trust"),
}
_OF_PROTOCOL: Mapping[str, tuple[str, ...]] = {"opencode": ("opencode", "acp"), "claude-acp": ("claude-agent-acp",)}


def environment(model: ModelStandIn, home: Path) -> dict[str, str]:
    """What every client gets: a home with its configuration, and nothing that would send it away from this machine."""
    if reason := why_not():
        sys.exit(f"cannot measure the clients: {reason}")
    variables: dict[str, str] = {"GEMINI_CLI_NO_RELAUNCH": "true"}
    for client in ALL:
        variables |= rig_of(client, model, home, home).variables
    folders = (str(program("codex").parent), str(Path(sys.executable).parent), os.environ["PATH"])
    return {**variables, "HOME": str(home), "PATH": os.pathsep.join(folders)}


def measure(house: House, table: Table, model: ModelStandIn) -> None:
    """First words of each, then what of ours stands beside one that works."""
    given = dict(house.launcher.environment)
    for client in ALL:
        _measure_first_words(house, table, model, client, given)
        _measure_memory(house, table, model, client)


def _measure_first_words(
    house: House, table: Table, model: ModelStandIn, client: RealClient, given: Mapping[str, str]
) -> None:
    table.section(f"`{client.name}`: the first request to its model ({ROUNDS} runs each, in turns, medians)")
    ways: Mapping[str, Callable[[int], None]] = {
        "alone": lambda _: _run_alone(client, given, house.folder),
        "job": lambda number: _run_job(house, client, number),
        "typed": lambda number: _run_typed(house, client, given, number),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, run in ways.items():
            model.forget()
            began = time.monotonic()
            run(number)
            found[way].append(model.model_calls[0].arrived_at_seconds - began)
    # The first of each is what makes the others warm.
    medians = {way: statistics.median(times[1:]) for way, times in found.items()}
    beside = ("alone", medians["alone"])
    table.row(f"`{client.name}`: `POST /jobs` → first request", medians["job"], "s", "1.1 x", beside)
    table.row(f"`{client.name}`: typed `ao-start` → first request", medians["typed"], "s", "", beside)


def _run_job(house: House, client: RealClient, number: int) -> None:
    job = house.runtime.api.ask("POST", "/jobs", house.order(f"{client.name}-{number}", PROMPT, client.name))["job_id"]
    row = house.runtime.api.wait_for_end(str(job), 120)
    assert row["status"] == "completed", row


def _run_typed(house: House, client: RealClient, given: Mapping[str, str], number: int) -> None:
    words = (f"{client.name}-typed-{number}", "--agent", client.name, "--prompt", PROMPT)
    where = {"AGENT_RUNTIME_URL": house.runtime.url, "AGENT_RUNTIME_TOKEN": house.runtime.token}
    _run([str(REPOSITORY / "commands" / "ao-start"), *words], {**given, **where}, house.folder)


def _run_alone(client: RealClient, given: Mapping[str, str], folder: Path) -> None:
    if client.name in _OF_PROTOCOL:
        _speak(_OF_PROTOCOL[client.name], given, folder)
    else:
        _run(_LINES[client.name], given, folder)


def _run(command: Sequence[str], given: Mapping[str, str], folder: Path) -> None:
    quiet = subprocess.DEVNULL
    subprocess.run(command, env={**given}, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, check=True, timeout=120)


def _speak(command: Sequence[str], given: Mapping[str, str], folder: Path) -> None:
    """Say to an agent of the protocol what is needed for one prompt, and nothing else."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, env={**given}, cwd=folder, stdin=pipe, stdout=pipe, stderr=quiet) as agent:
        _ask(agent, 1, "initialize", {"protocolVersion": 1, "clientCapabilities": {}})
        session = _ask(agent, 2, "session/new", {"cwd": str(folder), "mcpServers": []})["sessionId"]
        prompt = [{"type": "text", "text": PROMPT}]
        _ask(agent, 3, "session/prompt", {"sessionId": session, "prompt": prompt})
        agent.terminate()


def _ask(agent: "subprocess.Popen[bytes]", number: int, method: str, params: object) -> "dict[str, object]":
    assert agent.stdin is not None
    assert agent.stdout is not None
    asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    agent.stdin.write(json.dumps(asked).encode() + b"\n")
    agent.stdin.flush()
    for line in agent.stdout:
        message = json.loads(line)
        if message.get("id") == number and "method" not in message:
            result: dict[str, object] = message["result"]
            return result
    raise AssertionError(f"{agent.args!r} ended before it answered {method}")


def _measure_memory(house: House, table: Table, model: ModelStandIn, client: RealClient) -> None:
    before = memory_by_kind(house)
    model.forget()
    order = house.order(f"{client.name}-holds", HOLDING_PROMPT, client.name)
    job = str(house.runtime.api.ask("POST", "/jobs", order)["job_id"])
    model.wait_for_model_call(120)
    more = _more(memory_by_kind(house), before)
    its_own = more.pop("agent", 0.0)
    table.row(f"`{client.name}`: memory of ours (PSS)", sum(more.values()), "MiB", "15", ("the client's own", its_own))
    house.runtime.api.ask("POST", f"/jobs/{job}/stop")
    house.runtime.api.wait_for_end(job, 60)


def _more(now: "Counter[str]", before: "Counter[str]") -> dict[str, float]:
    return {kind: (used - before[kind]) / MEBIBYTE for kind, used in now.items()}
