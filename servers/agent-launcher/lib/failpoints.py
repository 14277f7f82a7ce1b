"""Named points at which a test lets a launcher or a shim fail; none of it is there unless it is asked for.

`AGENT_LAUNCHER_FAILPOINTS="after_started_sent=1*kill"` kills the launcher when its first `started` was answered. A
point is followed by terms that are used up from left to right: `2*off->1*kill` fails at the third time. A term
without a number goes on for ever. Several points are parted by semicolons.
"""

from __future__ import annotations

import errno
import os
import signal
import threading

VARIABLE = "AGENT_LAUNCHER_FAILPOINTS"
OFF, KILL, ERROR, HANG, DIE = "off", "kill", "error", "hang", "die"
ACTIONS = (OFF, KILL, ERROR, HANG, DIE)


class FailpointError(ValueError):
    """The variable does not say what it should."""


class Failpoints:
    """What is to happen at which point, and how often each was reached."""

    def __init__(self, told: str) -> None:
        self._plans = dict(_plan(text) for text in told.split(";") if text.strip())
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Stand at a point: nothing, or what is to happen there.

        Errors:  OSError for `error`, SystemExit for `die`; `kill` and `hang` do not return.
        """
        with self._lock:
            action = self._next_action(name)
        if action == KILL:
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
        count, action = terms[0]
        if count is not None:
            terms[:1] = [(count - 1, action)] if count > 1 else []
        return action


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
