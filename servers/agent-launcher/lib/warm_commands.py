"""Find out which commands may be started warm: those that say so themselves, and have an interpreter of their own."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lib.wire.models import JsonObject

BLOCK_BEGINS, BLOCK_ENDS = "# /// script", "# ///"
SCRIPT_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WarmCommand:
    """A command that may be started warm.

    Shape:   `module` imports what the script imports later than at its top; `python` is None where the environment is
             not made.
    """

    script: Path
    module: str
    python: Path | None


class WarmCommands:
    """Reads what commands say of themselves, each once for as long as it stays as it is."""

    def __init__(self, *, are_wanted: bool) -> None:
        self._are_wanted = are_wanted and sys.platform == "linux"
        self._known: dict[str, tuple[tuple[int, ...], WarmCommand | None]] = {}

    def declared(self, command: str) -> WarmCommand | None:
        """Read what a command says of itself; None if it is another program, or not there."""
        try:
            told = Path(command).stat()
            looks = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)
            known = self._known.get(command)
            if known is None or known[0] != looks:
                known = self._known[command] = looks, _read(Path(command).resolve())
        except OSError:
            return None
        return known[1]

    def startable(self, command: WarmCommand | None) -> JsonObject:
        """Tell a keeper with what it can start a command warm; empty if it is to execute it."""
        if command is None or command.python is None or not self._are_wanted or not os.access(command.script, os.X_OK):
            return {}
        return {"python": str(command.python), "script": str(command.script), "module": command.module}

    def all_of(self, commands: Iterable[str]) -> list[JsonObject]:
        """Tell a keeper which of some commands can start warm."""
        told = (self.startable(self.declared(command)) for command in commands)
        return [one for one in told if one]


def _read(script: Path) -> WarmCommand | None:
    with script.open("rb") as file:
        text = file.read(SCRIPT_BYTES_MAX)
    lines = text.decode("utf-8", "replace").splitlines()
    module = _module_in("\n".join(_block_of(lines)))
    return WarmCommand(script, module, _python_of(script, lines[0])) if module is not None else None


def _block_of(lines: list[str]) -> Iterator[str]:
    """The script's own metadata (PEP 723), without the signs that make it a comment."""
    if BLOCK_BEGINS not in lines:
        return
    for line in lines[lines.index(BLOCK_BEGINS) + 1 :]:
        if line == BLOCK_ENDS or not line.startswith("#"):
            return
        yield line[2:]


def _module_in(block: str) -> str | None:
    try:
        module = tomllib.loads(block)["tool"]["agent-launcher"]["warm"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return None
    return module if isinstance(module, str) else None


def _python_of(script: Path, first_line: str) -> Path | None:
    """The interpreter that the script's own first line would take; None where its environment is not made."""
    named = Path(first_line.removeprefix("#!").strip())
    if named.parent.resolve() == script.parent and os.access(named, os.X_OK):
        return named  # as an installer writes it
    programs = script.parent.parent / ".venv" / "bin"
    is_made = os.access(programs / "agent-runtime", os.X_OK) and os.access(programs / "python", os.X_OK)
    return programs / "python" if is_made else None
