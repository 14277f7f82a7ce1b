"""What vouches for a success: the note of the command, or for a command that leaves none its exit status.

A command of ours leaves a note as its first act, before it reads its own arguments, and in it at its end how its agent
ended. So an exit status of 0 of a command that printed its help, or whose caller swallowed an error, is no success.
"""

from __future__ import annotations

from enum import StrEnum

from lib.wire.models import JsonObject, integer_of, text_of

ENDING = "ending"
COMPLETED = "completed"
NEVER_SAID = (
    "the command ended with code 0 and did not say that its agent ran to its end (its output says what it did instead)"
)


class Witness(StrEnum):
    """What an exit status of 0 means; the value is the `reason` that goes with it."""

    COMMAND = ""
    EXIT_STATUS = "exit_status_only"
    NONE = "unwitnessed"


def is_last_note(note: JsonObject) -> bool:
    """Say whether a command wrote this at its end; its first note only says that it is there."""
    return bool(note) and note.get(ENDING, COMPLETED) is not None


def witness_of(note: JsonObject) -> Witness:
    """Say who vouches for an attempt whose command ended with 0."""
    if ENDING in note:
        return Witness.COMMAND if text_of(note, ENDING) == COMPLETED else Witness.NONE
    return Witness.COMMAND if integer_of(note, "exit_code") == 0 else Witness.EXIT_STATUS
