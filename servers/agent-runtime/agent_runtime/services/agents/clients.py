"""Which client a blueprint runs, in the words in which launchers say what they have."""

from collections.abc import Mapping

from agent_runtime.domain.agent import Blueprint
from agent_runtime.domain.quota_hold import QuotaOf

_NAMES_PROGRAM = "acp"
_RUNS_ANYTHING = "command"
# They say where the client or its login comes from: then nobody but the launcher's own `ao-start` can tell.
_OF_ITS_OWN = ("client_path", "setting_sources")
# Variables by whose names an agent has another account, or speaks to another service, than its machine.
_OF_CREDENTIALS = ("KEY", "TOKEN", "SECRET", "CREDENTIAL", "BASE_URL", "CONFIG_DIR", "CODEX_HOME")


def client_of(blueprint: Blueprint) -> str | None:
    """Name the client: the backend, or for agents of the Agent Client Protocol the backend and the program.

    Shape:   None if a launcher cannot know beforehand whether it is there.
    """
    if blueprint.backend == _RUNS_ANYTHING or any(blueprint.options.get(name) for name in _OF_ITS_OWN):
        return None
    if blueprint.backend != _NAMES_PROGRAM:
        return blueprint.backend
    program = blueprint.command[0] if blueprint.command else ""
    return None if not program or "/" in program else f"{blueprint.backend} {program}"


def quota_of(name: str, blueprint: Blueprint) -> QuotaOf | None:
    """Say whose limits an agent's jobs use up; None for one that runs any program."""
    if blueprint.backend == _RUNS_ANYTHING:
        return None
    program = f" {blueprint.command[0]}" if blueprint.backend == _NAMES_PROGRAM and blueprint.command else ""
    account = f"agent {name}" if _brings_credentials(blueprint) else None
    return QuotaOf(f"{blueprint.backend}{program}", blueprint.model, account)


def _brings_credentials(blueprint: Blueprint) -> bool:
    given = blueprint.options.get("env")
    names = list(given) if isinstance(given, Mapping) else []
    return any(word in name.upper() for name in names for word in _OF_CREDENTIALS)
