"""The note that a command leaves for its launcher: that it is there, and at its end how its agent ended.

The first note is written before the command reads its arguments. Who finds it knows that an exit status of 0 alone
means nothing: the last note has to say that the agent ran to its end.

The launcher's keeper has made room for it, filled with blanks, before the command began: on a full disk a note is
written over what is there, and needs nothing more.
"""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from agent_backends.turn.request import Caller
from runtime_client.wire import Json, JsonObject

# With all else that a note says, two of them fit into the room that a keeper makes, whatever is in them.
SENTENCE_CHARACTERS_SHORT = 300
NO_ROOM_FOR_ALL = "the disk is full, and its note is shortened"


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
    """Write a note, whole or not at all; on a full disk it is shortened if it does not fit into the room that is there.

    Errors:  OSError.
    """
    content = json.dumps(note).encode()
    if len(content) <= _room(path):
        _write_over(path, content)
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        _write_new(draft, content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        _write_over(path, json.dumps(_shortened(note), ensure_ascii=False).encode(errors="replace"))


def _room(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _write_over(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # One write, and no cut behind it: whoever is killed here leaves the old note or the new one.
        padded = content.ljust(os.fstat(descriptor).st_size)
        if os.pwrite(descriptor, padded, 0) < len(padded):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _shortened(note: JsonObject) -> JsonObject:
    """Cut what has no bound, and say so; the session's events have all of it."""
    short: dict[str, Json] = {**note}
    for name in ("error", "unwritten"):
        value = note.get(name)
        if isinstance(value, str) and len(value) > SENTENCE_CHARACTERS_SHORT:
            short |= {"unwritten": NO_ROOM_FOR_ALL, name: value[:SENTENCE_CHARACTERS_SHORT]}
    return short


def _ours(caller: Caller) -> Path | None:
    # An agent's own commands inherit the rest of what its command was told, and never this file.
    return caller.outcome_file if caller.job_id is not None and caller.agent_job_id != caller.job_id else None
