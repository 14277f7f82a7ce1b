"""Runs many seeds in a few processes; each process has one database and one thread."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from simulation.runtime import Database
from simulation.world import Outcome, World

SEEDS_AT_ONCE_MAX = 1_000
"""Each portion makes a database of its own, which costs as much as ten seeds."""
PORTIONS_EACH = 4
SWEPT_AFTER_SEEDS = 10
REPLAY = "uv run python scripts/simulate.py --replay {seed}"


def run_seeds(seeds: Sequence[int], processes: int, niceness: int = 0) -> Iterator[Outcome]:
    """Run seeds and give what became of each, in their order; stories of those that are well are left out."""
    size = min(SEEDS_AT_ONCE_MAX, max(1, len(seeds) // (processes * PORTIONS_EACH)))
    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    if processes == 1:
        yield from (outcome for chunk in chunks for outcome in run_here(chunk))
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=fresh, initializer=os.nice, initargs=(niceness,)) as pool:
        for outcomes in pool.map(_run_chunk, chunks):
            yield from outcomes


def run_here(seeds: Iterable[int]) -> Iterator[Outcome]:
    """Run seeds in this process, on one database."""
    database = Database()
    with _rubbish_by_hand() as sweep:
        for done, seed in enumerate(seeds, 1):
            yield run_one(seed, database)
            if done % SWEPT_AFTER_SEEDS == 0:
                sweep()


def run_one(seed: int, database: Database) -> Outcome:
    """Run one seed; what escapes from its world is a finding, too."""
    return World(seed, database).run()


@contextmanager
def _rubbish_by_hand() -> Iterator[Callable[[], int]]:
    """Look for rubbish between worlds only: the collector would walk over the whole product again and again."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def _run_chunk(seeds: Sequence[int]) -> list[Outcome]:
    return [outcome.brief() for outcome in run_here(seeds)]
