"""What this launcher can run: the clients of the agents' backends, as `agent-backends found` finds them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.machine.machine import Machine
from lib.wire.models import Json, JsonObject, objects_of, text_of

log = logging.getLogger("agent-launcher")

COMMAND = "agent-backends"
LOOK_SECONDS = 300.0
RETRY_SECONDS = 60.0
# What is gone is noticed by a job that fails of it.
CLIENT_FAILURES = frozenset({"backend_missing", "backend_auth"})
_TOLD = ("client", "program", "version", "is_signed_in", "account")


class CannotLookError(Exception):
    """It could not be found out; the text says why."""


class Clients:
    """Looks at an interval and when it is told to, beside everything else: a look may take seconds."""

    def __init__(self, look: Callable[[], list[Json]], every_seconds: float, changed: Callable[[], None]) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._changed = changed
        self._told: list[Json] | None = [] if every_seconds else None
        self._failure = ""

    @property
    def told(self) -> list[Json] | None:
        """Say it as the runtime is told: empty until the first look is over, None if it cannot be known."""
        return self._told

    @property
    def has_looked(self) -> bool:
        return self._told != []

    def step(self) -> float:
        """Look once and return the seconds until the next look."""
        if not self._every_seconds:
            return LOOK_SECONDS
        try:
            # Never empty, which would mean that it was not looked at yet.
            found: list[Json] | None = self._look() or None
        except CannotLookError as error:
            self._say_once(str(error))
            self._tell(self._told or None)
            return min(RETRY_SECONDS, self._every_seconds)
        self._failure = ""
        self._tell(found)
        return self._every_seconds

    def _tell(self, found: list[Json] | None) -> None:
        if found != self._told:
            self._told = found
            self._changed()

    def _say_once(self, failure: str) -> None:
        if failure != self._failure:
            log.warning("what can run here is not known, so every job is taken error=%s", failure)
            self._failure = failure


def look(machine: Machine, command: str, environment: Mapping[str, str], versions: Path | None = None) -> list[Json]:
    """Ask the command which clients are here.

    Shape:   one object for each client, with `client`, `program`, `version`, `is_signed_in` and `account`.
    Errors:  CannotLookError.
    """
    words = [command, "found", "--json", *(["--versions", str(versions)] if versions is not None else [])]
    try:
        code, printed, complained = machine.run_to_end(words, environment, LOOK_SECONDS)
    except OSError as error:
        raise CannotLookError(f"cannot run '{command} found': {error}") from error
    if code:
        said = " ".join(complained.decode("utf-8", "replace").split())[-500:]
        raise CannotLookError(f"'{command} found' ended with {code}: {said}")
    return _read(command, printed)


def _read(command: str, printed: bytes) -> list[Json]:
    try:
        answer: Json = json.loads(printed)
    except ValueError as error:
        raise CannotLookError(f"cannot read what '{command} found' printed: {error}") from error
    rows = objects_of(answer, "agents") if isinstance(answer, dict) else ()
    # Several agents may have one client.
    by_name: dict[str, JsonObject] = {}
    for row in rows:
        name = text_of(row, "client")
        if name is not None:
            by_name.setdefault(name, {key: row.get(key) for key in _TOLD})
    return list(by_name.values())
