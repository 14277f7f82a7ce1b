"""Which client a blueprint runs, in the words in which launchers say what they have."""

from agent_runtime.domain.agent import Blueprint

_NAMES_PROGRAM = "acp"
_RUNS_ANYTHING = "command"
# They say where the client or its login comes from: then nobody but the launcher's own `ao-start` can tell.
_OF_ITS_OWN = ("client_path", "setting_sources")


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
