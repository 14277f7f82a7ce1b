"""Which calls the runtime knows, and what its answers mean when they have no code of ours.

A runtime that tells no epoch when we register knows the calls of the first document only: what came later is left out
there, and its refusals are sentences without codes.
"""

from __future__ import annotations

from enum import Enum, auto

from lib.wire.models import JsonObject, text_of

_FIRST_REPORTS = frozenset({"started", "completed", "failed"})
_ABOUT_US = frozenset({"poll", "heartbeat"})
_FIRST_CALLS = frozenset({"register"}) | _ABOUT_US | _FIRST_REPORTS
_NO_SUCH_CALL = (404, 405, 501)
_NO_SUCH_LAUNCHER = (401, 403, 404, 410)
# A proxy or a missing credential may answer these too, and both may be mended: they never end anything.
PASSING_STATUSES = (401, 403, 407, 408, 425, 429)


class Meaning(Enum):
    """What an answer without a code of ours says."""

    PASSES = auto()
    """Nothing about the call: somebody between us, or a runtime in trouble."""
    WE_ARE_UNKNOWN = auto()
    CALL_IS_MISSING = auto()
    IS_FINAL = auto()


class Vocabulary:
    """What one runtime has shown of what it knows; it begins anew with each registration."""

    def __init__(self) -> None:
        self._knows_all = True
        self._missing: frozenset[str] = frozenset()

    def registered(self, epoch: int | None) -> None:
        """Learn from the answer to a registration what kind of runtime this is."""
        self._knows_all, self._missing = epoch is not None, frozenset()

    def lacks(self, verb: str) -> bool:
        """Tell whether a call need not be tried."""
        return verb in self._missing or (not self._knows_all and verb not in _FIRST_CALLS)

    def meaning_of(self, verb: str, status: int, told: JsonObject | None) -> Meaning:
        """Understand an answer without a code; `told` is its JSON object, if it is one."""
        if verb not in _FIRST_CALLS and told is not None and status in _NO_SUCH_CALL:
            self._missing |= {verb}
            return Meaning.CALL_IS_MISSING
        if verb in _ABOUT_US and status in _NO_SUCH_LAUNCHER and (told is not None or not self._knows_all):
            return Meaning.WE_ARE_UNKNOWN
        if self._knows_all or verb not in _FIRST_REPORTS or not 400 <= status < 500:
            return Meaning.PASSES
        if status in (401, 403) or "launcher" in (text_of(told or {}, "detail") or "").lower():
            return Meaning.WE_ARE_UNKNOWN
        return Meaning.PASSES if told is None or status in PASSING_STATUSES else Meaning.IS_FINAL
