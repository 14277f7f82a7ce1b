"""The program `agent-runtime`: each command loads of the runtime what it needs, and most need no web framework."""

from agent_runtime.access_commands import Doorkeeper
from agent_runtime.command_line import Keeper, command_line
from agent_runtime.settings import Settings


def main() -> None:
    """Run the command `agent-runtime`."""
    command_line(serve=_serve, openapi=_openapi, keeper=_keeper, doorkeeper=_doorkeeper)()


def _serve(settings: Settings) -> None:
    from agent_runtime.app import serve

    serve(settings)


def _openapi(settings: Settings) -> str:
    from agent_runtime.app import openapi

    return openapi(settings)


def _keeper() -> Keeper:
    from agent_runtime.keeping import DatabaseKeeper

    return DatabaseKeeper()


def _doorkeeper() -> Doorkeeper:
    from agent_runtime.doorkeeping import Doors

    return Doors()
