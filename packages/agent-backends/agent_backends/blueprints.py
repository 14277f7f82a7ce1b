"""From what the runtime tells of an agent to what can be run on this machine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent_backends.protocol import Blueprint
from runtime_client.models import Agent
from runtime_client.wire import Json, JsonObject


def blueprint_of(agent: Agent, project_root: Path, words: Mapping[str, str]) -> Blueprint:
    """Return the blueprint to run: with the files of this checkout if it ships the agent, else the runtime's own.

    `words` are filled in for `${NAME}` in the system prompt and in the MCP servers' settings; other placeholders
    stay, so that secrets are resolved by the agent itself and never written anywhere.
    """
    folder = _folder(agent, project_root)
    blueprint = Blueprint(
        name=agent.name,
        backend=agent.backend,
        command=agent.command,
        model=agent.model,
        system_prompt=_filled_in_text(agent.system_prompt, words),
        mcp_servers=filled_in(agent.mcp_servers, words),
        limits=agent.limits,
        options=agent.options,
        folder=folder,
    )
    return replace(blueprint, command=_resolved(agent.command, folder))


def filled_in(settings: JsonObject, words: Mapping[str, str]) -> JsonObject:
    """Return `settings` with `${NAME}` replaced in every text, for the names in `words` only."""
    return {key: _filled_in(value, words) for key, value in settings.items()}


def _filled_in(value: Json, words: Mapping[str, str]) -> Json:
    if isinstance(value, str):
        return _filled_in_text(value, words)
    if isinstance(value, dict):
        return filled_in(value, words)
    if isinstance(value, list):
        return [_filled_in(item, words) for item in value]
    return value


def _filled_in_text(text: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(f"${{{name}}}", word)
    return text


def _folder(agent: Agent, project_root: Path) -> Path | None:
    told = Path(agent.folder) if agent.folder else None
    if agent.raw.get("source") == "user" and told is not None:
        return told  # the user's own agent wins over a shipped one of the same name
    shipped = project_root / "agents" / agent.name
    return shipped if shipped.is_dir() else told


def _resolved(command: tuple[str, ...], folder: Path | None) -> tuple[str, ...]:
    if command and command[0].startswith("./") and folder is not None:
        return (str(folder / command[0]), *command[1:])
    return command
