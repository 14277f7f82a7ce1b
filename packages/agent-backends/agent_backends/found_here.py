"""Which of some blueprints can run on this machine, as far as can be known without spending money."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent_backends.kind import Found
from agent_backends.registry import KINDS, kind_named
from agent_backends.versions import Versions
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError, as_object, nested, text, texts

_SIGNED_IN: Mapping[bool | None, str] = {
    True: "signed in",
    False: "not signed in",
    None: "nobody can tell whether it is signed in",
}


@dataclass(frozen=True)
class FoundAgent:
    """One agent, and what there is of its client here.

    Shape:   `client` is the client in the runtime's words, None if only the agent's own start can tell.
    """

    name: str
    backend: str
    found: Found
    client: str | None = None

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
            "client": self.client,
            "program": found.program,
            "version": found.version,
            "is_signed_in": found.is_signed_in,
            "account": found.account,
        }


def found_here(agents: Path, environment: Mapping[str, str], versions: Versions | None = None) -> list[FoundAgent]:
    """Look for the clients of all blueprints in a folder; one that cannot be read is left out.

    Shape:   without `versions` nobody is asked for one, which is quick.
    """
    rows = [_found(path, environment, versions) for path in sorted(agents.glob("*/agent.json"))]
    if versions is not None:
        versions.keep()
    return [row for row in rows if row is not None]


def clients_here(agents: Path, environment: Mapping[str, str]) -> list[Json]:
    """Tell quickly which clients are here, as a launcher tells it to the runtime."""
    rows = {row.client: row.found for row in found_here(agents, environment) if row.client is not None}
    return [
        {"client": client, "program": found.program, "is_signed_in": found.is_signed_in, "account": found.account}
        for client, found in rows.items()
    ]


def _found(path: Path, environment: Mapping[str, str], versions: Versions | None) -> FoundAgent | None:
    try:
        said = as_object(json.loads(path.read_text(encoding="utf-8")), "it")
        backend = text(said, "backend")
        command = tuple(_beside(word, path.parent) for word in texts(said, "command"))
        options = nested(said, "options")
    except (OSError, ValueError, UnexpectedAnswerError):
        return None
    if backend not in KINDS:
        return None
    found = kind_named(backend).look(options, command, environment)
    if (
        versions is not None and found.program is not None and backend != "command"
    ):  # any program may do anything when it is run
        found = replace(found, version=versions.of(found.program))
    return FoundAgent(path.parent.name, backend, found, _client_of(backend, options, command))


def _client_of(backend: str, options: JsonObject, command: tuple[str, ...]) -> str | None:
    """Name the client as the runtime does, which shares no code with us: services/agents/clients.py there."""
    if backend == "command" or options.get("client_path") or options.get("setting_sources"):
        return None
    if backend != "acp":
        return backend
    return None if not command or "/" in command[0] else f"{backend} {command[0]}"


def _beside(word: str, folder: Path) -> str:
    return str(folder / word) if word.startswith("./") else word
