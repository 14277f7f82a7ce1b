"""The stop ladder and the limits of one attempt.

SIGTERM to all of it; the grace; SIGKILL to all of it for up to five seconds; what still lives is named. The end of the
ladder runs after a normal end too: nothing that an attempt began outlives it.
"""

from __future__ import annotations

from collections.abc import Callable

from lib.keeper.containment import Containment
from lib.keeper.held import Held
from lib.keeper.host import Host

CLEANUP_SECONDS = 5.0
LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.002, 0.05
OUTPUT_PACE_SECONDS_MIN, OUTPUT_PACE_SECONDS_MAX = 0.005, 4.0
# Nothing prints faster: a first look any later could come long after the limit.
FIRST_LOOK_SECONDS_MAX, BYTES_A_SECOND_MAX = 0.25, float(1 << 30)
# What goes on printing while it is asked to end is not waited for beyond so many times its limit.
TIMES_THE_LIMIT_MAX = 2


class Ladder:
    """Says what is next for an attempt; when, is said back to the keeper."""

    def __init__(self, host: Host, places: Containment, note_stop: Callable[[Held], None]) -> None:
        self._host = host
        self._places = places
        self._note_stop = note_stop

    def watch_output(self, held: Held, now: float) -> None:
        """Begin to look at how much is written."""
        until_full = held.launch.output_limit_bytes / BYTES_A_SECOND_MAX
        held.output_pace = min(FIRST_LOOK_SECONDS_MAX, max(OUTPUT_PACE_SECONDS_MIN, until_full))
        held.output_bytes = 0
        held.output_due = now + held.output_pace

    def begin_stop(self, held: Held, reason: str, grace_seconds: float, now: float) -> None:
        """Ask it to end, and set the time after which it is made to; a later word can only bring that nearer."""
        if held.is_over and held.reason is None:
            return  # it came too late: the command ended by itself
        kill_at = now + grace_seconds
        held.kill_at = kill_at if held.kill_at is None else min(kill_at, held.kill_at)
        if held.reason is None:
            held.reason = reason
            self._note_stop(held)
            self._places.ask(held.place)

    def go_on(self, held: Held, now: float) -> None:
        """Go on with a stop that an earlier keeper began: nobody knows whether it was asked, nor for how long."""
        held.kill_at = now + held.launch.stop_grace_seconds
        self._places.ask(held.place)

    def climb(self, held: Held, now: float) -> bool:
        """Obey the limits of a command that runs, and say whether its time is up."""
        if held.kill_at is not None and now >= held.kill_at:
            return True
        if held.ends_at is not None and now >= held.ends_at:
            held.ends_at = None
            self.begin_stop(held, "timed_out", held.launch.stop_grace_seconds, now)
        if held.output_due is not None and now >= held.output_due:
            self._look_at_output(held, now)
        return False

    def clear(self, held: Held, now: float) -> float | None:
        """End what is left of a tree; None when nothing is left or could be ended, else when to look again.

        After a stop the rest of the tree keeps the rest of the time: an agent's host may be gone while the agent
        itself still saves its conversation.
        """
        if held.is_over and self._is_empty(held):
            return None
        if held.is_over and held.kill_at is not None and now < held.kill_at:
            return min(held.kill_at, now + LOOK_SECONDS_MAX)
        if held.give_up_at is None:
            held.give_up_at, held.pause = now + CLEANUP_SECONDS, LOOK_SECONDS_MIN
        if now >= held.give_up_at:
            held.leftovers = self._places.named(held.place)
            return None
        self._places.kill(held.place)
        again_at = now + held.pause
        held.pause = min(LOOK_SECONDS_MAX, held.pause * 2)
        return again_at

    def _is_empty(self, held: Held) -> bool:
        return self._places.is_empty(held.place, is_thorough=held.reason is not None)

    def _look_at_output(self, held: Held, now: float) -> None:
        size, limit = self._host.output_bytes(held.launch), held.launch.output_limit_bytes
        if size > limit:
            held.output_due = now + LOOK_SECONDS_MAX
            grace_seconds = held.launch.stop_grace_seconds if size <= limit * TIMES_THE_LIMIT_MAX else 0.0
            self.begin_stop(held, "output_limit", grace_seconds, now)
            return
        grown = max(1, size - held.output_bytes)
        until_full = (limit - size) / grown * held.output_pace
        held.output_pace = min(
            OUTPUT_PACE_SECONDS_MAX, max(OUTPUT_PACE_SECONDS_MIN, until_full / 2), held.output_pace * 2
        )
        held.output_bytes = size
        held.output_due = now + held.output_pace
