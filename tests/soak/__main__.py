"""`make soak MINUTES=30`: shake the house for so long, then see whether every promise was kept.

Exits with 0 when all were, 1 when one was broken, 3 when the soak itself failed (then nothing is judged), and with
128 and the signal's number when it was told to end early.
"""

import argparse
import contextlib
import functools
import secrets
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from soak.ending import ToldToEnd, told_to_end
from soak.figures import Figures
from soak.harms import Harms, start_launcher
from soak.judgement import come_to_rest, judge
from soak.orders import Orders
from soak.plan import plan
from soak.stage import Stage, stage

LAUNCHERS = 3
KEPT, BROKEN, SOAK_FAILED, SIGNALLED = 0, 1, 3, 128
FINDINGS_SHOWN_MAX = 50


def main() -> int:
    """Run, print the figures, and leave nothing behind however it ends."""
    wanted = _wanted()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"seed {wanted.seed}, {wanted.minutes:g} minutes, {LAUNCHERS} launchers, all files in {folder}", flush=True)
    try:
        with told_to_end(), stage(folder, LAUNCHERS) as house:
            findings = shake(house, wanted.seed, wanted.minutes * 60)
    except ToldToEnd as end:
        print(f"violations: not judged, ended early by {signal.Signals(end.number).name}", flush=True)
        return SIGNALLED + end.number
    except Exception:  # noqa: BLE001 - whatever it was, it is told and says nothing about the product
        traceback.print_exc()
        print("violations: not judged, the soak itself failed (see the lines above)", flush=True)
        return SOAK_FAILED
    print(f"violations: {len(findings)}", *findings[:FINDINGS_SHOWN_MAX], sep="\n  ", flush=True)
    print(f"play it again: make soak MINUTES={wanted.minutes:g} SEED={wanted.seed}", flush=True)
    return BROKEN if findings else KEPT


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long to shake it")
    parser.add_argument(
        "--seed",
        type=int,
        default=secrets.randbelow(1_000_000),
        help="a plan that was printed before, to play it again",
    )
    return parser.parse_args()


def shake(house: Stage, seed: int, seconds: float) -> list[str]:
    """Order jobs while the plan is played, let all come to rest, and judge."""
    orders = Orders(house, seed)
    harms = Harms(house, plan(seed, seconds, LAUNCHERS))
    figures = Figures(house, orders, harms, functools.partial(print, flush=True))
    try:
        figures.start()
        with _ordering(orders):
            harms.play()
        print("no more orders, no more faults: waiting until all is at rest", flush=True)
        for corner in house.corners:
            start_launcher(corner)
        restless = come_to_rest(house)
        evidence, broken = judge(house, harms, orders.promised)
        figures.outcomes(evidence)
    finally:
        figures.stop()
    return harms.findings + orders.refusals + restless + broken


@contextlib.contextmanager
def _ordering(orders: Orders) -> Iterator[None]:
    orders.start()
    try:
        yield
    finally:
        orders.stop()


if __name__ == "__main__":
    sys.exit(main())
