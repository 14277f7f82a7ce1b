"""How much an attempt may tell: the database grows by so much for each turn, whatever an agent posts."""

from collections.abc import Iterable

from agent_runtime.domain.errors import TooLarge
from agent_runtime.services.access.callers import Caller
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import Appended, GivenEvent

MIB = 1024 * 1024
TOLD_BYTES_MAX = 32 * MIB
"""More than twice of what `ao-start` sends in a turn."""
END_BYTES_MAX = 4 * MIB
"""Room beyond that for how a turn ended: what was said last counts more than what was said before."""
EVENT_OVERHEAD_BYTES = 300
"""About what an event takes besides its words."""
_OF_THE_END = frozenset({"result", "session_stop"})


def refuse_beyond_turn(
    tx: Transaction, caller: Caller, given: Iterable[GivenEvent], appended: Iterable[Appended]
) -> None:
    """Count what an attempt has just appended, to whichever session.

    Errors:  TooLarge `turn_too_large`, after which nothing of it may be written.
    """
    if caller.job_id is None or caller.attempt is None:
        return
    new = [one for one, found in zip(given, appended, strict=True) if not found.duplicate]
    told = tx.events.note_told(caller.job_id, caller.attempt, sum(one.size + EVENT_OVERHEAD_BYTES for one in new))
    is_of_the_end = all(one.type in _OF_THE_END for one in new)
    if told > TOLD_BYTES_MAX + (END_BYTES_MAX if is_of_the_end else 0):
        raise TooLarge(
            "turn_too_large",
            f"cannot keep the events: with them attempt {caller.attempt} of job '{caller.job_id}' would have told "
            f"{told} bytes, and {TOLD_BYTES_MAX} are kept of each (leave out or shorten what is told; a result "
            "is still taken)",
        )
