"""Which of some blueprints can run on this machine, as far as can be known without spending money."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_backends.kind import Found
from agent_backends.registry import KINDS, kind_named
from runtime_client.wire import JsonObject, UnexpectedAnswerError, as_object, nested, text, texts

_SIGNED_IN: Mapping[bool | None, str] = {
    True: "signed in",
    False: "not signed in",
    None: "nobody can tell whether it is signed in",
}


@dataclass(frozen=True)
class FoundAgent:
    """One agent, and what there is of its client here."""

    name: str
    backend: str
    found: Found

    def line(self) -> str:
        """Return it as people read it."""
        found = self.found
        if found.program is None:
            return f"{self.name:<20} {self.backend:<8} not installed"
        if self.backend == "command":
            return f"{self.name:<20} {self.backend:<8} {found.program}"
        version = found.version or "it does not tell its version"
        return f"{self.name:<20} {self.backend:<8} {found.program}: {version}; {_SIGNED_IN[found.is_signed_in]}"

    def as_json(self) -> JsonObject:
        """Return it for programs."""
        found = self.found
        return {
            "name": self.name,
            "backend": self.backend,
            "program": found.program,
            "version": found.version,
            "is_signed_in": found.is_signed_in,
        }


def found_here(agents: Path, environment: Mapping[str, str]) -> list[FoundAgent]:
    """Look for the clients of all blueprints in a folder; one that cannot be read is left out."""
    rows = [_found(path, environment) for path in sorted(agents.glob("*/agent.json"))]
    return [row for row in rows if row is not None]


def _found(path: Path, environment: Mapping[str, str]) -> FoundAgent | None:
    try:
        said = as_object(json.loads(path.read_text(encoding="utf-8")), "it")
        backend = text(said, "backend")
        command = tuple(_beside(word, path.parent) for word in texts(said, "command"))
        options = nested(said, "options")
    except (OSError, ValueError, UnexpectedAnswerError):
        return None
    if backend not in KINDS:
        return None
    return FoundAgent(path.parent.name, backend, kind_named(backend).look(options, command, environment))


def _beside(word: str, folder: Path) -> str:
    return str(folder / word) if word.startswith("./") else word
