"""The keeper's warm parents: has them made, asks them for forks, and never waits for one for long.

A start that does not come out of one is no error: the command is executed instead. Standard library only.
See docs/decisions/0036-a-warm-start.md.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress

from lib.keeper.containment import Containment, Place
from lib.keeper.spawn import OUTPUT_FLAGS, OUTPUT_MODE, STDIN_FLAGS, Launch
from lib.keeper.warm_line import NotWarmError, WarmLine
from lib.keeper.words import JsonObject

# One that failed once is made anew at once; one that fails again and again does not keep the machine busy.
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 1.0, 300.0
# What Python itself looks at before a line of the command runs. All else may be secret.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ")


class WarmParent:
    """The warm parent of one environment's commands, through all its lives.

    Shape:   `scripts` are what it has loaded or will have, each with the module that loads what it needs later.
    """

    def __init__(self, python: str) -> None:
        self._python = python
        self._scripts: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._line: WarmLine | None = None
        self._pause = 0.0
        self._not_before = 0.0
        self._leaving: set[int] = set()

    def want(self, script: str, module: str, environment: Mapping[str, str]) -> None:
        """See to it that it has a script loaded, soon."""
        wanted = {**self._scripts, script: module}
        if (wanted, environment) != (self._scripts, self._environment):
            self._scripts, self._environment = wanted, dict(environment)
            self.end()
        self._begin()

    def fork(self, script: str, order: bytes, passed: list[int]) -> int | None:
        """Start a script; None if that cannot be done now, and nothing was begun."""
        if self._line is None:
            return None
        try:
            if not self._line.is_ready():
                return None
            if self._line.is_current():
                pid = self._line.fork(script, order, passed)
                self._pause = 0.0
                return pid
        except NotWarmError:
            self._wait_longer()
        self.end()
        self._begin()
        return None

    def was_collected(self, pid: int) -> None:
        """Have another one made if it is this one that has ended."""
        self._leaving.discard(pid)
        if self._line is not None and self._line.pid == pid:
            if not self._line.was_ready:
                self._wait_longer()
            self._line.close()
            self._line = None
            self._begin()

    def end(self) -> None:
        if self._line is not None:
            self._line.kill()
            self._leaving.add(self._line.pid)
            self._line = None

    def wait(self) -> None:
        """Wait until it has gone; it is in the way of nothing then."""
        for pid in self._leaving:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _begin(self) -> None:
        if self._line is None and time.monotonic() >= self._not_before:
            with suppress(OSError):
                self._line = WarmLine(self._python, self._scripts, self._environment)

    def _wait_longer(self) -> None:
        self._not_before = time.monotonic() + self._pause
        self._pause = min(PAUSE_SECONDS_MAX, max(PAUSE_SECONDS, self._pause * 2))


class WarmStarts:
    """Starts commands by their warm parents, one for each environment that commands have."""

    def __init__(self, places: Containment) -> None:
        self._places = places
        self._parents: dict[str, WarmParent] = {}

    def begin_with(self, environment: Mapping[str, str], commands: list[JsonObject]) -> None:
        """Have the parents made of what a launcher says can start warm, and end all others."""
        for python in {*self._parents} - {str(command.get("python")) for command in commands}:
            self._parents[python].end()
        for command in commands:
            self._want(command, environment)

    def fork(self, launch: Launch, base: Mapping[str, str], place: Place) -> int | None:
        """Start a command in its place, in the present folder; None if it has to be executed.

        Errors:  OSError, if one of its files cannot be opened.
        """
        parent = self._want(launch.warm, base)
        order = {"argv": launch.argv, "environment": {**base, **launch.environment}, "mark": place.mark}
        with ExitStack() as opened:
            passed = [
                os.open(launch.stdin_path, STDIN_FLAGS | os.O_CLOEXEC),
                os.open(launch.output_path, OUTPUT_FLAGS | os.O_CLOEXEC, OUTPUT_MODE),
                os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC),
            ]
            if (entrance := self._places.entrance(place)) is not None:
                passed.append(entrance)
            for descriptor in passed:
                opened.callback(os.close, descriptor)
            pid = parent.fork(str(launch.warm.get("script")), json.dumps(order).encode(), passed)
        if pid is not None:
            self._places.was_entered(place, pid)
        return pid

    def was_collected(self, pid: int) -> None:
        for parent in self._parents.values():
            parent.was_collected(pid)

    def end(self) -> None:
        """End them all, and wait until they are gone."""
        for parent in self._parents.values():
            parent.end()
            parent.wait()

    def _want(self, command: JsonObject, base: Mapping[str, str]) -> WarmParent:
        python = str(command.get("python"))
        parent = self._parents.setdefault(python, WarmParent(python))
        parent.want(str(command.get("script")), str(command.get("module")), shown_to_all(base))
        return parent


def shown_to_all(environment: Mapping[str, str]) -> dict[str, str]:
    """Pick what a warm parent is given of an environment, and so everybody sees of each fork's."""
    return {name: value for name, value in environment.items() if name in ENVIRONMENT or name.startswith("LC_")}
