"""The note that a launcher's job leaves about its own end: what an exit status has no room for."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from agent_backends.job.run import Ended
from agent_backends.turn.recording import usage_as_json
from runtime_client.wire import Json, JsonObject


def leave_note(path: Path | None, ended: Ended, unwritten: str | None, warn: Callable[[str], None]) -> None:
    """Leave the note, if a launcher asked for one; `unwritten` says what of the output could not be written."""
    if path is None:
        return
    try:
        _write(path, _note(ended, unwritten))
    except OSError as cause:
        # The session's events have all of it, and a launcher that finds no note says so in its report.
        warn(f"cannot write the outcome to {str(path)!r}: {cause.strerror}")


def _note(ended: Ended, unwritten: str | None) -> JsonObject:
    """Say the exit status too, for a keeper that did not see the end."""
    outcome = ended.outcome
    note: dict[str, Json] = {"exit_code": int(ended.exit_code)}
    if outcome.reason is not None:
        note["reason"] = outcome.reason.value
    if outcome.error is not None:
        note["error"] = outcome.error
    if outcome.usage is not None:
        note["usage"] = usage_as_json(outcome.usage)
    if outcome.cost_usd is not None:
        note["cost_usd"] = outcome.cost_usd
    if unwritten is not None:
        note["unwritten"] = unwritten
    return note


def _write(path: Path, note: JsonObject) -> None:
    """Write it whole or not at all.

    Errors:  OSError.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(note))
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
