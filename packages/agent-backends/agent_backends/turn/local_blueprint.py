"""From what the runtime knows of an agent to what can be run on this machine."""

from dataclasses import replace
from pathlib import Path

from agent_backends.blueprint import Blueprint
from agent_backends.sandbox.settings import Neighbourhood, sandbox_of
from agent_backends.turn.references import Resolver
from runtime_client.models import Agent


def blueprint_of(agent: Agent, project_root: Path, resolver: Resolver, around: Neighbourhood) -> Blueprint:
    """Return the blueprint to run: with the files of this checkout if it ships the agent, else the runtime's own.

    Errors:  CannotRunError, for a secret that is not here or that would be open to others, and for a sandbox that is
             not understood.
    """
    folder = _folder(agent, project_root)
    other_options = {name: value for name, value in agent.options.items() if name != "env"}
    resolver.check_open_places(list(agent.command), "command")
    resolver.check_open_places(agent.model, "model")
    resolver.check_open_places(other_options, "options")
    resolver.check_open_places(agent.sandbox, "sandbox")
    needed = (project_root,) if folder is None else (project_root, folder)
    sandbox = sandbox_of(agent.name, agent.sandbox, replace(around, needed=needed))
    blueprint = Blueprint(
        name=agent.name,
        backend=agent.backend,
        command=agent.command,
        model=agent.model,
        system_prompt=resolver.text(agent.system_prompt),
        mcp_servers=resolver.mcp_servers(agent.mcp_servers),
        limits=agent.limits,
        options=other_options,
        folder=folder,
        sandbox=sandbox,
    )
    return replace(blueprint, command=_resolved(agent.command, folder))


def _folder(agent: Agent, project_root: Path) -> Path | None:
    registered = Path(agent.folder) if agent.folder else None
    if agent.raw.get("source") == "user" and registered is not None:
        return registered  # the user's own agent wins over a shipped one of the same name
    shipped = project_root / "agents" / agent.name
    return shipped if shipped.is_dir() else registered


def _resolved(command: tuple[str, ...], folder: Path | None) -> tuple[str, ...]:
    if command and command[0].startswith("./") and folder is not None:
        return (str(folder / command[0]), *command[1:])
    return command
