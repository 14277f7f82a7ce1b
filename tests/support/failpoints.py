"""Named points at which a test lets a launcher or its keeper fail; standard library only, as a keeper imports it.

`FAILPOINTS="after_started_sent=1*kill"` kills the launcher when its first `started` was answered. A point is followed
by terms that are used up from left to right: `2*off->1*kill` fails at the third time. A term without a number goes on
for ever. Several points are parted by semicolons. How often each was reached is kept in the folder
`FAILPOINTS_FOLDER`, so a count holds over all lives of all processes that share it.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Mapping

VARIABLE, FOLDER_VARIABLE, LAUNCHER_VARIABLE = "FAILPOINTS", "FAILPOINTS_FOLDER", "LAUNCHER_UNDER_TEST"
OFF, KILL, KILL_BOTH, KILL_OTHER, ERROR, HANG, DIE = "off", "kill", "kill_both", "kill_other", "error", "hang", "die"
ACTIONS = (OFF, KILL, KILL_BOTH, KILL_OTHER, ERROR, HANG, DIE)


class FailpointError(ValueError):
    """The variable does not say what it should."""


class Failpoints:
    """What is to happen at which point, and how often each was reached.

    Shape:   `others` names the processes of the other side, a launcher's keepers or a keeper's launcher.
    """

    def __init__(self, told: str, folder: str, others: Callable[[], list[int]]) -> None:
        self._plans = dict(_plan(text) for text in told.split(";") if text.strip())
        self._folder = folder
        self._others = others
        self._lock = threading.Lock()

    @classmethod
    def of(cls, environment: Mapping[str, str], others: Callable[[], list[int]]) -> Failpoints:
        """Read them from an environment.

        Errors:  FailpointError.
        """
        return cls(environment.get(VARIABLE, ""), environment[FOLDER_VARIABLE], others)

    def reach(self, name: str) -> None:
        """Stand at a point: nothing, or what is to happen there.

        Errors:  OSError for `error`, SystemExit for `die`; `kill`, `kill_both` and `hang` do not return.
        """
        action = self._next_action(name)
        if action in (KILL_BOTH, KILL_OTHER):
            for pid in self._others():
                os.kill(pid, signal.SIGKILL)
        if action in (KILL, KILL_BOTH):
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == ERROR:
            raise OSError(errno.ENOSPC, f"failpoint {name}")
        elif action == DIE:
            raise SystemExit(f"failpoint {name}")
        elif action == HANG:
            threading.Event().wait()

    def _next_action(self, name: str) -> str:
        terms = self._plans.get(name)
        if not terms:
            return OFF
        reached = self._count(name)
        for count, action in terms:
            if count is None or reached < count:
                return action
            reached -= count
        return OFF

    def _count(self, name: str) -> int:
        """Say how often a point was reached before, and count this time."""
        with self._lock:
            counter = os.open(f"{self._folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(counter, b".")
                return os.fstat(counter).st_size - 1
            finally:
                os.close(counter)


def _plan(text: str) -> tuple[str, list[tuple[int | None, str]]]:
    name, separator, terms = text.strip().partition("=")
    if not separator or not name:
        raise FailpointError(f"cannot use the failpoint {text.strip()!r}: 'name=1*kill' is needed ({VARIABLE})")
    return name, [_term(name, term) for term in terms.split("->")]


def _term(name: str, text: str) -> tuple[int | None, str]:
    count, star, action = text.strip().rpartition("*")
    if action not in ACTIONS or (star and not count.isdigit()):
        raise FailpointError(
            f"cannot use the failpoint {name!r}: {text.strip()!r} is not one of {', '.join(ACTIONS)}, "
            f"perhaps with a number and a '*' before it ({VARIABLE})"
        )
    return (int(count) if star else None), action
