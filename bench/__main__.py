"""`make bench`, or `make bench ONLY="latency throughput"`; with PROFILE=1 it also tells where the time goes."""

import argparse
import contextlib
import os
import platform
import sqlite3
from collections.abc import Callable, Mapping

from bench import at_once, idle, latency, throughput
from bench.house import House, house
from bench.profiling import profiled

MEASUREMENTS: Mapping[str, Callable[[House], None]] = {
    "latency": latency.measure,
    "throughput": throughput.measure,
    "list": throughput.measure_list,
    "200": at_once.measure_200,
    "1000": at_once.measure_1000,
    "idle": idle.measure,
}


def main() -> None:
    """Run what was asked for, each in a house of its own so that none inherits another's rows."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *MEASUREMENTS], default=[], help="which measurements")
    parser.add_argument("--profile", action="store_true", help="sample both processes, print the heaviest functions")
    wanted = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    for name in wanted.only or MEASUREMENTS:
        with house() as started, profiled(started) if wanted.profile else contextlib.nullcontext():
            MEASUREMENTS[name](started)


if __name__ == "__main__":
    main()
