"""From what the runtime knows of an agent to what can be run on this machine."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent_backends.blueprint import Blueprint
from agent_backends.installation import Installation
from agent_backends.sandbox.settings import Neighbourhood, sandbox_of
from agent_backends.turn.references import Resolver
from runtime_client.models import Agent
from runtime_client.wire import Json, JsonObject


def blueprint_of(agent: Agent, installation: Installation, resolver: Resolver, around: Neighbourhood) -> Blueprint:
    """Return the blueprint to run: with the files of this installation if it ships the agent, else the runtime's own.

    Errors:  CannotRunError, for a secret that is not here or that would be open to others, and for a sandbox that is
             not understood.
    """
    folder = _folder(agent, installation)
    other_options = {name: value for name, value in agent.options.items() if name != "env"}
    resolver.check_open_places(list(agent.command), "command")
    resolver.check_open_places(agent.model, "model")
    resolver.check_open_places(other_options, "options")
    resolver.check_open_places(agent.sandbox, "sandbox")
    needed = installation.needed if folder is None else (*installation.needed, folder)
    sandbox = sandbox_of(agent.name, agent.sandbox, replace(around, needed=needed))
    blueprint = Blueprint(
        name=agent.name,
        backend=agent.backend,
        command=agent.command,
        model=agent.model,
        system_prompt=resolver.text(agent.system_prompt),
        mcp_servers=_servers_beside(resolver.mcp_servers(agent.mcp_servers), folder),
        limits=agent.limits,
        options=other_options,
        folder=folder,
        sandbox=sandbox,
        stalls=agent.stalls,
    )
    return replace(blueprint, command=_beside(agent.command, folder))


def _folder(agent: Agent, installation: Installation) -> Path | None:
    registered = Path(agent.folder) if agent.folder else None
    if agent.raw.get("source") == "user" and registered is not None:
        return registered  # the user's own agent wins over a shipped one of the same name
    shipped = installation.root / "agents" / agent.name
    return shipped if shipped.is_dir() else registered


def _beside(command: tuple[str, ...], folder: Path | None) -> tuple[str, ...]:
    """Return a command line in which what lies beside the blueprint is named by its whole path.

    A program without a slash in its name is looked for on the PATH, as in a shell.
    """
    if not command or folder is None:
        return command
    program, *words = command
    is_path = "/" in program or shutil.which(program) is None
    return (_whole(program, folder) if is_path else program, *(_whole(word, folder) for word in words))


def _whole(word: str, folder: Path) -> str:
    # No agent's folder is named by what says nothing of a file, such as `-c` or a text with spaces and line ends.
    try:
        is_beside = bool(word) and (word.startswith("./") or (folder / word).is_file())
    except (OSError, ValueError):
        return word
    return os.path.normpath(folder / word) if is_beside else word


def _servers_beside(servers: JsonObject, folder: Path | None) -> JsonObject:
    return {name: _server_beside(settings, folder) for name, settings in servers.items()}


def _server_beside(settings: Json, folder: Path | None) -> Json:
    if not isinstance(settings, Mapping) or not isinstance(settings.get("command"), str):
        return settings
    given = settings.get("args")
    words = list(given) if isinstance(given, list | tuple) else []
    if not all(isinstance(word, str) for word in words):
        return settings
    program, *arguments = _beside((str(settings["command"]), *(str(word) for word in words)), folder)
    return {**settings, "command": program, **({"args": arguments} if words else {})}
