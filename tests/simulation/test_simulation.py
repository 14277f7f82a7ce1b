"""The product keeps its promises in made-up worlds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.runner import REPLAY, run_here, run_seeds

ROOT = Path(__file__).resolve().parents[2]
# `make test` runs 2,000 with `scripts/simulate.py` before these; here are enough for who runs pytest alone.
SEEDS = 100
PROCESSES = 2


def replayed(seed: int, hash_seed: str) -> str:
    """Run a seed in a process of its own, whose sets and dictionaries are ordered in a way of their own."""
    command = [sys.executable, str(ROOT / "scripts" / "simulate.py"), "--replay", str(seed)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.timeout(900)
def test_every_promise_holds_in_a_hundred_worlds() -> None:
    broken = [outcome for outcome in run_seeds(range(SEEDS), PROCESSES) if outcome.findings]

    told = [f"seed {one.seed}: {one.findings[0]}\nreplay: {REPLAY.format(seed=one.seed)}" for one in broken]
    assert not broken, f"{broken[0].story}\n\n" + "\n".join(told)


@pytest.mark.parametrize("seed", [3, 103])
def test_a_seed_tells_the_same_story_in_every_process(seed: int) -> None:
    first, second = replayed(seed, "1"), replayed(seed, "2")

    assert "from now on nothing goes wrong" in first
    assert first == second


def test_something_runs_in_most_worlds() -> None:
    outcomes = list(run_here(range(40)))

    assert sum(outcome.runs > 0 for outcome in outcomes) > 30
