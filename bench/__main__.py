"""`make bench`, or `make bench ONLY="latency throughput"`; with PROFILE=1 it also tells where the time goes.

`make bench ONLY="real claude weight clients"` measures with the real commands and the real clients,
`make bench ONLY="dashboard"` the page in a browser.
"""

import argparse
import contextlib
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import at_once, claude, clients, dashboard, idle, latency, no_byte_code, place, real, throughput, weight
from bench.house import House, house, real_house
from bench.profiling import profiled
from bench.table import Table
from support.model_stand_in import ModelStandIn

MEASUREMENTS: Mapping[str, Callable[[House], None]] = {
    "latency": latency.measure,
    "throughput": throughput.measure,
    "list": throughput.measure_list,
    "200": at_once.measure_200,
    "1000": at_once.measure_1000,
    "idle": idle.measure,
}
REAL: Mapping[str, Callable[[House, Table, ModelStandIn], None]] = {
    "real": lambda house, table, _: real.measure(house, table),
    "claude": claude.measure,
    "weight": weight.measure,
    "clients": clients.measure,
}


PAGE = "dashboard"
"""The page in a browser, which has a runtime of its own."""


def main() -> None:
    """Run what was asked for, each in a house of its own so that none inherits another's rows."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    choices = [[], *MEASUREMENTS, *REAL, PAGE]
    parser.add_argument("only", nargs="*", choices=choices, default=[], help="which measurements")
    parser.add_argument("--profile", action="store_true", help="sample both processes, print the heaviest functions")
    parser.add_argument("--no-byte-code", action="store_true", help="as where no byte code can be written")
    wanted = parser.parse_args()
    if wanted.no_byte_code:
        sys.exit(no_byte_code.run_again([word for word in sys.argv[1:] if word != "--no-byte-code"]))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    with place.kept_to_the_end():
        for name in wanted.only or MEASUREMENTS:
            _measure(name, is_profiled=wanted.profile)


def _measure(name: str, *, is_profiled: bool) -> None:
    if name == PAGE:
        dashboard.main()
        return
    print(place.describe())
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(ModelStandIn())
        home = Path(tempfile.mkdtemp(prefix="home-"))
        given = clients.environment(model, home) if name == "clients" else claude.environment(model)
        wanted_house = real_house(given) if name in REAL else house()
        started = stack.enter_context(wanted_house)
        if is_profiled:
            stack.enter_context(profiled(started))
        if name in REAL:
            REAL[name](started, Table(), model)
        else:
            MEASUREMENTS[name](started)


if __name__ == "__main__":
    main()
