"""The agents: those that ship with the product, and the user's own, which win over them by name.

Files are the truth: what is changed on disk is seen at the next question, by a look at the files' times.
"""

import json
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent_runtime.domain.agent import Agent, Blueprint, Source
from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import is_session_name
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.services.agents.blueprint_files import (
    CLAUDE_SUFFIX,
    BrokenBlueprintError,
    NoBlueprintError,
    read_blueprint,
    signature,
    write_blueprint,
    write_text,
)
from agent_runtime.services.agents.blueprint_kinds import asks_for, can_ask
from agent_runtime.services.agents.blueprint_permissions import permissions_in, terms_of
from agent_runtime.services.agents.clients import client_of, quota_of
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.ports.store import Transaction

INACTIVE_FILE = ".inactive.json"
AGENTS_MAX = 1000


@dataclass(frozen=True)
class _Read:
    mark: tuple[int, ...]
    agent: Agent | None


class Agents:
    """Finds, lists and writes blueprints; safe to ask from several threads.

    Shape:   `user_dir` is the only folder that is written to; neither folder needs to exist. `retries` holds where an
             agent says nothing of further tries.
    """

    def __init__(self, shipped_dir: Path, user_dir: Path, retries: Mapping[str, Json] | None = None) -> None:
        self._dirs: Mapping[Source, Path] = {Source.USER: user_dir, Source.SHIPPED: shipped_dir}
        self._retries = retries or {}
        self._writing = threading.Lock()
        self._known: dict[Path, _Read] = {}
        self._inactive: tuple[tuple[int, ...] | None, frozenset[str]] = (None, frozenset())

    def all(self) -> list[Agent]:
        """Read all agents by name, broken ones too."""
        names = {name for folder in self._dirs.values() for name in _names_in(folder)}
        found = (self._find(name) for name in sorted(names))
        return [agent for agent in found if agent is not None]

    def get(self, name: str) -> Agent:
        """Read one agent.

        Errors:  NotFound.
        """
        agent = self._find(name)
        if agent is None:
            raise NotFound(
                "agent_unknown", f"there is no agent '{_shown(name)}' (GET /agents lists those that there are)"
            )
        return agent

    def needs(self, name: str) -> AgentNeeds | None:
        """Tell what an agent asks of the launcher that runs it.

        Errors:  Conflict for a blueprint that cannot be read.
        """
        agent = self._find(name)
        if agent is None:
            return None
        if agent.blueprint is None:
            raise Conflict("agent_broken", f"agent '{name}' cannot be used: {agent.error} (correct its files)")
        blueprint = agent.blueprint
        return AgentNeeds(
            agent.name,
            agent.active,
            blueprint.labels,
            blueprint.limits,
            client_of(blueprint),
            permissions_in(blueprint.permissions, blueprint.options),
            terms_of(dict(blueprint.questions)),
            can_ask(blueprint.backend),
            asks_for(blueprint.backend),
            quota_of(agent.name, blueprint),
            {**self._retries, **blueprint.retries},
            blueprint.fallbacks,
            blueprint.checks,
            blueprint.sandbox,
        )

    def create(self, name: str, blueprint: Blueprint) -> Agent:
        """Write a new agent into the user's folder.

        Errors:  Invalid for a name that cannot be one; Conflict if it is taken.
        """
        with self._writing:
            if self._find(_checked_name(name)) is not None:
                raise Conflict("agent_exists", f"agent '{name}' exists already (PUT /agents/{name} changes it)")
            return self._write(name, blueprint)

    def put(self, name: str, blueprint: Blueprint) -> tuple[Agent, bool]:
        """Write an agent into the user's folder, whether it is there or not; tell whether it is new."""
        with self._writing:
            is_new = self._find(_checked_name(name)) is None
            return self._write(name, blueprint), is_new

    def delete(self, name: str) -> Agent:
        """Remove an agent from the user's folder; a shipped one of the same name is seen again then.

        Errors:  NotFound; Conflict for a shipped one.
        """
        with self._writing:
            agent = self.get(name)
            if agent.source is Source.SHIPPED:
                raise Conflict("agent_shipped", f"agent '{name}' came with the installation (deactivate it instead)")
            self._remove(agent.path)
            return agent

    def set_active(self, name: str, *, active: bool) -> Agent:
        """Let an agent be started, or not; what runs of it goes on.

        Errors:  NotFound.
        """
        with self._writing:
            agent = self.get(name)
            names = self._inactive_names() - {name} if active else self._inactive_names() | {name}
            user_dir = self._dirs[Source.USER]
            user_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_text(user_dir / INACTIVE_FILE, json.dumps(sorted(names)) + "\n")
            return replace(agent, active=active)

    def _find(self, name: str) -> Agent | None:
        if not is_session_name(name):
            return None
        for source, folder in self._dirs.items():
            for path in (folder / name, folder / f"{name}{CLAUDE_SUFFIX}"):
                agent = self._at(path, name, source)
                if agent is not None:
                    return replace(agent, active=name not in self._inactive_names())
        return None

    def _at(self, path: Path, name: str, source: Source) -> Agent | None:
        mark = signature(path)
        if mark is None:
            self._known.pop(path, None)
            return None
        known = self._known.get(path)
        if known is None or known.mark != mark:
            known = self._known[path] = _Read(mark, _read(path, name, source))
        return known.agent

    def _inactive_names(self) -> frozenset[str]:
        path = self._dirs[Source.USER] / INACTIVE_FILE
        mark = signature(path)
        if mark != self._inactive[0]:
            self._inactive = (mark, _names_of(path))
        return self._inactive[1]

    def _write(self, name: str, blueprint: Blueprint) -> Agent:
        folder = self._dirs[Source.USER] / name
        try:
            write_blueprint(folder, name, blueprint)
            (self._dirs[Source.USER] / f"{name}{CLAUDE_SUFFIX}").unlink(missing_ok=True)
        except BrokenBlueprintError as error:
            raise Conflict("agent_broken", f"cannot write agent '{name}': {error}") from error
        except OSError as error:
            raise Conflict(
                "agent_not_written", f"cannot write agent '{name}' to '{folder}': {error.strerror}"
            ) from error
        return self.get(name)

    def _remove(self, path: Path) -> None:
        if path.is_symlink() or path.is_file():
            path.unlink()
            return
        # Out of sight at once; what then fails to be deleted is no agent any more.
        aside = path.with_name(f".deleted-{secrets.token_hex(6)}")
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def announce_agent(tx: Transaction, name: str, agent: Agent) -> None:
    """Write what was done to an agent into the events."""
    facts: JsonObject = {"name": agent.name, "active": agent.active, "source": str(agent.source)}
    tx.emit(NewEvent(type=name, at=tx.now, data=facts))


def _read(path: Path, name: str, source: Source) -> Agent | None:
    try:
        return Agent(name, source, path, read_blueprint(path), None)
    except NoBlueprintError:
        return None
    except BrokenBlueprintError as error:
        return Agent(name, source, path, None, str(error))
    except OSError as error:
        return Agent(name, source, path, None, f"cannot read '{path}': {error.strerror}")


def _names_in(folder: Path) -> list[str]:
    try:
        entries = sorted(folder.iterdir())[:AGENTS_MAX]
    except OSError:
        return []
    names = [entry.stem for entry in entries if entry.suffix == CLAUDE_SUFFIX]
    names += [entry.name for entry in entries if _may_be_folder(entry)]
    # Python leaves folders such as `__pycache__` wherever it runs something.
    return [name for name in names if is_session_name(name) and not name.startswith("__")]


def _may_be_folder(entry: Path) -> bool:
    try:
        return entry.is_symlink() or entry.is_dir()
    except OSError:
        return True  # It is not known what it is: reading it says why.


def _names_of(path: Path) -> frozenset[str]:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def _checked_name(name: str) -> str:
    if not is_session_name(name):
        raise Invalid(
            "invalid_parameters",
            "invalid name: 1 to 60 of A-Z a-z 0-9 - _ expected, not starting with '-' or 'ses_', "
            f"found '{_shown(name)}'",
        )
    return name


def _shown(text: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in text[:61])
    return plain if len(plain) <= 60 else f"{plain[:60]}…"
