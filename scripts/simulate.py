"""Runs the deterministic simulation: many seeds in parallel, or one seed again with its whole story."""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("servers/agent-launcher", "servers/agent-runtime", "tests")
SAYS_EVERY = 1_000


def main() -> int:
    """The exit status: 0 when no promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many seeds to run (2000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--processes", type=int, default=2, help="in how many processes (2)")
    parser.add_argument("--nice", type=int, default=0, help="how much the processes stand back for others (0)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run this one seed and print its story")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT / room) for room in ROOMS]
    if asked.replay is not None:
        return _replay(asked.replay)
    return _run(range(asked.first, asked.first + asked.seeds), asked.processes, asked.nice)


def _replay(seed: int) -> int:
    from simulation.runner import run_here

    (outcome,) = run_here([seed])
    print(outcome.story)
    for finding in outcome.findings:
        print(f"seed {seed}: {finding}")
    return 1 if outcome.findings else 0


def _run(seeds: range, processes: int, niceness: int) -> int:
    from simulation.runner import REPLAY, run_seeds

    began, broken = time.monotonic(), 0
    for done, outcome in enumerate(run_seeds(seeds, processes, niceness), 1):
        if outcome.findings:
            broken += 1
            if broken == 1:
                print(outcome.story)
            print(f"seed {outcome.seed}: {outcome.findings[0]}\n  {REPLAY.format(seed=outcome.seed)}", flush=True)
        if done % SAYS_EVERY == 0 or done == len(seeds):
            rate = done / (time.monotonic() - began)
            print(f"{done} seeds, {broken} of them broke a promise, {rate:.1f} seeds per second", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
