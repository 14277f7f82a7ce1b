"""A launcher on a clock that runs faster: its own parts and threads, real sockets and processes, shorter waits.

Run like the launcher's own script; LAUNCHER_UNDER_TEST names that script's folder, HURRY how many times faster.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, os.environ["LAUNCHER_UNDER_TEST"])

from lib.config import Options, load_config
from lib.launcher import Launcher
from lib.machine.machine import Machine
from lib.wire.http_client import http_client


class HurriedFlag(threading.Event):
    """Waits a fraction of what it is asked to."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else timeout / self._times)


class HurriedCondition(threading.Condition):
    """The same for a condition."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else timeout / self._times)


class HurriedMachine(Machine):
    """The real machine with another clock; what waits for processes and sockets waits as ever.

    The clock runs faster only once the keepers are there: they are real, and need their time.
    """

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times
        self._began = time.monotonic()
        self._hurries_since: float | None = None

    def monotonic(self) -> float:
        now = time.monotonic()
        since = self._hurries_since or now
        return since - self._began + (now - since) * self._times

    def raise_descriptor_limit(self) -> None:
        super().raise_descriptor_limit()
        self._hurries_since = time.monotonic()

    def flag(self) -> HurriedFlag:
        return HurriedFlag(self._times)

    def condition(self) -> HurriedCondition:
        return HurriedCondition(self._times)


def main(environment: Mapping[str, str]) -> None:
    """Run until killed."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    options = Options(state_dir=Path(sys.argv[sys.argv.index("--state-dir") + 1]))
    project_root = Path(environment["LAUNCHER_UNDER_TEST"]).parents[1]
    config = load_config(options, environment, project_root, Path.cwd())
    machine = HurriedMachine(float(environment["HURRY"]))
    Launcher(config, environment, machine, http_client(config.runtime_url, config.ca_file)).run()


if __name__ == "__main__":
    main(os.environ)
