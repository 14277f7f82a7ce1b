"""The note that a command leaves for its launcher: that it is there, and at its end how its agent ended.

The first note is written before the command reads its arguments. Who finds it knows that an exit status of 0 alone
means nothing: the last note has to say that the agent ran to its end.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from agent_backends.turn.request import Caller
from runtime_client.wire import JsonObject


def say_that_we_are_here(environment: Mapping[str, str]) -> None:
    """Leave the first note, if a launcher started this process; one that cannot be left is done without."""
    path = _ours(Caller.read(environment))
    if path is not None:
        with contextlib.suppress(OSError):
            write_note(path, {"ending": None})


def withdraw(caller: Caller) -> None:
    """Take the first note back: this command does something else than its launcher's job."""
    path = _ours(caller)
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def write_note(path: Path, note: JsonObject) -> None:
    """Write a note, whole or not at all; on a full disk into the room of the one before.

    Errors:  OSError.
    """
    content = json.dumps(note).encode()
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        _write(draft, content, os.O_CREAT | os.O_TRUNC)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        _write(path, content, 0)


def _write(path: Path, content: bytes, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        file.truncate()


def _ours(caller: Caller) -> Path | None:
    # An agent's own commands inherit the rest of what its command was told, and never this file.
    return caller.outcome_file if caller.job_id is not None and caller.agent_job_id != caller.job_id else None
