"""The versions of clients, each asked for once for as long as its program stays the file that it is."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent_backends.kind import version_of
from runtime_client.wire import Json


class Versions:
    """Asks programs for their versions, and remembers the answers in a file if it has one."""

    def __init__(self, environment: Mapping[str, str], file: Path | None = None) -> None:
        self._environment = environment
        self._file = file
        self._known = _read(file)

    def of(self, program: str) -> str | None:
        """Tell a program's version; None if it does not say."""
        try:
            told = Path(program).stat()
        except OSError:
            return None
        looks: list[Json] = [told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns]
        known = self._known.get(program)
        if not isinstance(known, list) or known[:-1] != looks or not isinstance(known[-1], str):
            version = version_of(program, self._environment)
            known = self._known[program] = [*looks, version]
        return known[-1] if isinstance(known[-1], str) else None

    def keep(self) -> None:
        """Write down what was learned; that it cannot be kept costs only time."""
        if self._file is None:
            return
        try:
            opened, name = tempfile.mkstemp(dir=self._file.parent, prefix=f"{self._file.name}.")
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                json.dump(self._known, file)
            Path(name).replace(self._file)
        except OSError:
            return


def _read(file: Path | None) -> dict[str, Json]:
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
