"""Who this launcher is, kept in its state folder: its id, and the name under which sessions know its machine."""

from __future__ import annotations

import json
from pathlib import Path

from lib.machine.machine import Machine
from lib.wire.models import Json, JsonObject, text_of


class IdentityFile:
    """Keeps the launcher's id and its machine's name between starts; a copy elsewhere is not taken for ours.

    A machine may be renamed, and a container made anew has another name each time: it is the state folder that stays
    what it is. So the folder, or else the whole machine, says whether what is written there is about us.
    """

    def __init__(self, path: Path, machine: Machine, host_name: str = "") -> None:
        self._path = path
        self._machine = machine
        self._wanted_name = host_name

    def read(self) -> str | None:
        """Read the launcher's id, if it is known."""
        return text_of(self._told(), "launcher_id")

    def host_name(self) -> str:
        """Give the name under which sessions know this machine: as it was when its state folder was first used."""
        return self._wanted_name or text_of(self._told(), "host") or self._machine.host_name()

    def write(self, launcher_id: str) -> None:
        """Write it down, if it is not there already.

        Errors:  OSError.
        """
        identity: JsonObject = {
            "launcher_id": launcher_id,
            "host": self.host_name(),
            "machine": self._machine.identity(),
            "folder": self._mark(),
        }
        if self._told() != identity:
            self._machine.disk.replace(self._path, json.dumps(identity).encode())

    def _told(self) -> JsonObject:
        try:
            told: Json = json.loads(self._machine.disk.read(self._path))
        except (OSError, ValueError):
            return {}
        if not isinstance(told, dict):
            return {}
        mark = self._mark()
        is_ours = told.get("machine") == self._machine.identity() or (mark is not None and told.get("folder") == mark)
        return told if is_ours else {}

    def _mark(self) -> str | None:
        try:
            return self._machine.disk.mark(self._path.parent)
        except OSError:
            return None
