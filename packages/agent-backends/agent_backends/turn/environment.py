"""What the agent's processes find in their environment, and what a sandbox has to know of this machine."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent_backends.installation import Installation
from agent_backends.protocol import OUTPUT_BYTES_MAX
from agent_backends.sandbox.settings import Neighbourhood
from agent_backends.turn.inherited import without_places
from runtime_client.this_host import host_name

# Told to this command by its launcher, by the agent around it and by uv, and what proves who its caller is; an agent
# has its own, or none.
NOT_FOR_AGENTS = frozenset(
    {
        *("AGENT_OUTCOME_FILE", "AGENT_OUTPUT_LIMIT_BYTES", "AGENT_RUNTIME_TOKEN", "AGENT_RUNTIME_DATABASE_URL"),
        *("AGENT_PROMPT_FILE", "AGENT_JOB_ATTEMPT", "AGENT_RESUMED", "UV", "UV_RUN_RECURSION_DEPTH"),
    }
)
# Variables that are there for a blueprint's references alone; no agent gets them as they are.
ONLY_FOR_REFERENCES = "AGENT_SECRET_"


@dataclass(frozen=True)
class WhoseAgent:
    """Which job and session an agent's processes work for, and what lets them speak to the runtime.

    Shape:   `attempt` is None where nobody counts attempts.
    """

    job_id: str
    attempt: int | None
    session_name: str
    session_id: str
    url: str
    token: str | None = field(repr=False)


def environment_of_agent(
    environment: Mapping[str, str], whose: WhoseAgent, *, installation: Installation, project_dir: Path
) -> dict[str, str]:
    """Return the environment for an agent's processes: it finds our commands, and they know who they work for."""
    own = {
        name: value
        for name, value in without_places(environment, Path.cwd()).items()
        if name not in NOT_FOR_AGENTS and not name.startswith(ONLY_FOR_REFERENCES)
    }
    own |= {
        "PATH": _search_path(own.get("PATH", os.defpath), installation),
        "PWD": str(project_dir),
        "AGENT_JOB_ID": whose.job_id,
        "AGENT_RUN_BY_JOB": whose.job_id,
        "AGENT_SESSION_NAME": whose.session_name,
        "AGENT_SESSION_ID": whose.session_id,
        "AGENT_RUNTIME_URL": whose.url,
        "AGENT_ORCHESTRATOR_ROOT": str(installation.root),
        "AGENT_ORCHESTRATOR_MCP": str(installation.mcp_server),
        "AGENT_HOST_NAME": host_name(environment),
    }
    if whose.attempt is not None:
        own["AGENT_JOB_ATTEMPT"] = str(whose.attempt)
    if whose.token is not None:
        own["AGENT_RUNTIME_TOKEN"] = whose.token
    return own


def for_references(environment: Mapping[str, str], of_agent: Mapping[str, str]) -> dict[str, str]:
    """Return what `${env:NAME}` may name: what the agent finds, and what is there for references alone."""
    return dict(of_agent) | {name: value for name, value in environment.items() if name.startswith(ONLY_FOR_REFERENCES)}


def neighbourhood(environment: Mapping[str, str]) -> Neighbourhood:
    """Return what a sandbox has to know of this machine: the home folder, and where we keep what is ours."""
    home = Path(environment.get("HOME") or Path.home())
    data = environment.get("AGENT_RUNTIME_DATA_DIR")
    data_home = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    hidden = [Path(data) if data else data_home / "agent-runtime"]
    if outcome_file := environment.get("AGENT_OUTCOME_FILE"):
        # The state folder, above the folder of all runs and that of this one.
        hidden.append(Path(outcome_file).parent.parent.parent)
    return Neighbourhood(home, hidden=tuple(hidden))


def output_limit_in(environment: Mapping[str, str]) -> int:
    """Return how many bytes the agent may print, as the launcher says it."""
    told = environment.get("AGENT_OUTPUT_LIMIT_BYTES", "")
    return int(told) if told.isdecimal() else OUTPUT_BYTES_MAX


def _search_path(path: str, installation: Installation) -> str:
    """Return a search path with our commands, and without this command's private Python: the project has its own."""
    ours = str(installation.commands)
    private = {str(Path(sys.prefix) / "bin"), ours}
    others = [folder for folder in path.split(os.pathsep) if folder not in private]
    # Beside installed commands lies that very Python, so they are looked for last.
    return os.pathsep.join([ours, *others] if installation.are_commands_alone else [*others, ours])
