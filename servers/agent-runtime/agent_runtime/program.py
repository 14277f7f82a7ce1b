"""The program `agent-runtime`: each command loads of the runtime what it needs, and most need no web framework."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent_runtime.settings import Settings


def main() -> None:
    """Run the command `agent-runtime`."""
    if not sys.flags.isolated:
        # Before anything else is imported: neither environment nor folder of the caller decides what our modules are.
        os.execv(sys.executable, [sys.executable, "-I", *sys.argv])
    from agent_runtime.command_line.commands import command_line

    command_line(serve=_serve, openapi=_openapi)()


def _serve(settings: Settings) -> None:
    from agent_runtime.app import serve

    serve(settings)


def _openapi(settings: Settings) -> str:
    from agent_runtime.app import openapi

    return openapi(settings)
