"""The program `agent-runtime`: each command loads of the runtime what it needs, and most need no web framework."""

from agent_runtime.command_line.commands import command_line
from agent_runtime.settings import Settings


def main() -> None:
    """Run the command `agent-runtime`."""
    command_line(serve=_serve, openapi=_openapi)()


def _serve(settings: Settings) -> None:
    from agent_runtime.app import serve

    serve(settings)


def _openapi(settings: Settings) -> str:
    from agent_runtime.app import openapi

    return openapi(settings)
