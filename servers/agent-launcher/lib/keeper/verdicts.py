"""How an attempt ended, in the words that are recorded."""

from __future__ import annotations

import signal
from typing import Final

from lib.keeper.held import Held
from lib.keeper.words import JsonObject

_SIGKILL = int(signal.SIGKILL)
_LEFTOVERS_MAX, _LEFTOVER_CHARACTERS_MAX, _ERROR_CHARACTERS_MAX = 20, 80, 2000
KEEPER_DIED = "the process that kept the job was killed, so how the job ended is not known"
HOST_REBOOTED: Final[JsonObject] = {"reason": "host_rebooted", "error": "the machine was restarted while the job ran"}


def of(held: Held, outcome: JsonObject, now: float) -> JsonObject:
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
        "seconds": round(now - held.began, 3) if held.began is not None else None,
        "leftovers": [*leftovers],
    }


def not_spawned(reason: str, sentence: str) -> JsonObject:
    """It could not be started."""
    return {"reason": reason, "error": sentence[:_ERROR_CHARACTERS_MAX]}
