"""Measures what stands between a command and its first word to the model: `uv run python bench/claude_start.py`.

Each way is a process of its own, started in turn: Claude Code alone, the SDK alone, our backend alone, and `ao-start`
with all that it does for the runtime. The model is a stand-in on this machine, so that only the start is measured.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from agent_backends.claude.launch import find_client  # noqa: E402  # the stand-ins of the tests live below tests/
from agent_backends.claude.options import ClaudeOptions  # noqa: E402
from support.model_stand_in import ModelStandIn  # noqa: E402
from support.runtime_process import RuntimeProcess  # noqa: E402

PROMPT = "say: hello"
RUN_LIMIT_SECONDS = 120

SDK_ALONE = """
import asyncio, claude_agent_sdk as sdk
async def main():
    options = sdk.ClaudeAgentOptions(permission_mode="bypassPermissions", setting_sources=[])
    async for _ in sdk.query(prompt="say: hello", options=options):
        pass
asyncio.run(main())
"""

BACKEND_ALONE = """
import asyncio, os
from pathlib import Path
from agent_backends.claude.backend import ClaudeBackend
from agent_backends.blueprint import Blueprint
from agent_backends.protocol import Turn
turn = Turn("bench", "ses_bench", "say: hello", Path.cwd(), Blueprint("claude", "claude"), None, False, os.environ)
asyncio.run(ClaudeBackend().run(turn, lambda event: None, asyncio.Event()))
"""


@dataclass(frozen=True)
class Way:
    """One way to put a prompt to the model; the command may differ from run to run."""

    name: str
    command: Callable[[int], list[str]]


@dataclass(frozen=True)
class Figures:
    """One run: seconds from the start of the process to its first request, and to its end."""

    first_request: float
    end: float


@dataclass(frozen=True)
class Bench:
    """Where the ways are run, and the model they talk to."""

    model: ModelStandIn
    environment: dict[str, str]
    folder: Path

    def run(self, way: Way, number: int) -> Figures:
        """Run one way once."""
        self.model.forget()
        began = time.monotonic()
        done = subprocess.run(
            way.command(number),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_SECONDS,
            check=False,
        )
        ended = time.monotonic()
        calls = self.model.model_calls
        if done.returncode or not calls:
            raise SystemExit(f"{way.name} failed with {done.returncode}: {done.stderr[-2000:] or done.stdout[-2000:]}")
        return Figures(calls[0].arrived_at_seconds - began, ended - began)


def ways() -> list[Way]:
    """The ways to compare; the first one is what the others are measured by."""
    client = find_client(ClaudeOptions(), os.environ)
    alone = [client, "-p", PROMPT, "--dangerously-skip-permissions", "--setting-sources", ""]
    ao_start = str(ROOT / "commands" / "ao-start")
    return [
        Way("claude -p alone", lambda _: alone),
        Way("python + SDK alone", lambda _: [sys.executable, "-c", SDK_ALONE]),
        Way("python + our backend", lambda _: [sys.executable, "-c", BACKEND_ALONE]),
        Way("ao-start", lambda number: [ao_start, f"bench-{number}", "--agent", "claude", "-p", PROMPT]),
    ]


def environment(runtime: RuntimeProcess, model: ModelStandIn, folder: Path) -> dict[str, str]:
    """What every way gets: nothing that would send it anywhere but to this machine."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "sk-ant-stand-in",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "AGENT_RUNTIME_URL": runtime.url,
        "AGENT_RUNTIME_TOKEN": runtime.token,
    }


def measure(bench: Bench, runs: int) -> dict[str, list[Figures]]:
    """Run every way in turn, so that a busy moment of the machine touches them all; the first round only warms up."""
    found: dict[str, list[Figures]] = {}
    for number in range(runs + 1):
        for way in ways():
            figures = bench.run(way, number)
            if number:
                found.setdefault(way.name, []).append(figures)
    return found


def report(found: dict[str, list[Figures]]) -> None:
    """Print medians, and their ratio to the first way's."""
    base = statistics.median(figures.first_request for figures in next(iter(found.values())))
    print(f"{'':24}{'first request, s':>18}{'ratio':>8}{'end, s':>10}")
    for name, runs in found.items():
        first_request = statistics.median(figures.first_request for figures in runs)
        end = statistics.median(figures.end for figures in runs)
        print(f"{name:24}{first_request:18.2f}{first_request / base:8.1f}{end:10.2f}")


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="how often each way is measured")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, ModelStandIn() as model:
        runtime = RuntimeProcess(Path(folder) / "runtime").start()
        try:
            report(measure(Bench(model, environment(runtime, model, Path(folder)), Path(folder)), runs))
        finally:
            runtime.stop()


if __name__ == "__main__":
    main()
