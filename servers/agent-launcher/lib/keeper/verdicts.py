"""How an attempt ended, in the words that are recorded."""

from __future__ import annotations

import signal

from lib.keeper.held import Held
from lib.keeper.words import JsonObject

_SIGKILL = int(signal.SIGKILL)
_LEFTOVERS_MAX, _LEFTOVER_CHARACTERS_MAX, _ERROR_CHARACTERS_MAX = 20, 80, 2000
KEEPER_DIED = "the process that kept the job was killed, so how the job ended is not known"


def times_of(held: Held, now: float, wall_time: float, noted_at: float | None) -> JsonObject:
    """Say when a command ended and how long it ran: by the monotonic clock, whatever the wall's did meanwhile.

    Shape:   `noted_at` is the wall's time of what the command left about its end, for one that nobody saw end.
    """
    most = now - held.began if held.began is not None else None
    if held.over_at is None and noted_at is not None:
        if held.started_at is None:
            return {"ended_at": min(noted_at, wall_time), "seconds": None}
        noted = _between(0.0, noted_at - held.started_at, most)
        return {"ended_at": held.started_at + noted, "seconds": round(noted, 3)}
    over_at = held.over_at if held.over_at is not None else now
    seconds = round(over_at - held.began, 3) if held.began is not None else None
    return {"ended_at": wall_time - (now - over_at), "seconds": seconds}


def _between(least: float, value: float, most: float | None) -> float:
    return max(least, value if most is None else min(value, most))


def of(held: Held, outcome: JsonObject, times: JsonObject) -> JsonObject:
    """Say how a command ended.

    Shape:   `outcome` is what the command left about itself, for an exit code that nobody else knows.
    """
    code = held.exit_code
    reason = held.reason
    error = None
    if code is None:
        left = outcome.get("exit_code")
        code = left if isinstance(left, int) and not isinstance(left, bool) else None
    if code is None and held.leftovers and not held.is_over:
        code = -_SIGKILL  # what remains for a command that would not die
    if code is None and reason is None:
        reason, error = "shim_died", KEEPER_DIED
    leftovers = [name[:_LEFTOVER_CHARACTERS_MAX] for name in held.leftovers[:_LEFTOVERS_MAX]]
    return {
        "exit_code": code if code is not None and code >= 0 else None,
        "signal": -code if code is not None and code < 0 else None,
        "reason": reason,
        "error": error,
        "started_at": held.started_at,
        **times,
        "leftovers": [*leftovers],
    }


def host_rebooted(held: Held, wall_time: float, last_sign: float | None) -> JsonObject:
    """The machine went down under it.

    Shape:   `last_sign` is when it last wrote anything: how long the machine was off is not its time.
    """
    began = held.started_at
    ended_at = wall_time if last_sign is None else min(last_sign, wall_time)
    if began is not None:
        ended_at = max(began, ended_at)
    return {
        "reason": "host_rebooted",
        "error": "the machine was restarted while the job ran",
        "ended_at": ended_at,
        "seconds": round(ended_at - began, 3) if began is not None else None,
    }


def not_spawned(reason: str, sentence: str) -> JsonObject:
    """It could not be started."""
    return {"reason": reason, "error": sentence[:_ERROR_CHARACTERS_MAX]}
