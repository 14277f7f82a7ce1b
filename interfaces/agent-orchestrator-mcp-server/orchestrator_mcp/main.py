"""Reads the settings, builds the parts, serves."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestrator_mcp.all_tools import build_toolbox
from orchestrator_mcp.caller import caller_of_process
from orchestrator_mcp.desk import Desk
from orchestrator_mcp.settings import HttpSettings, read_arguments
from orchestrator_mcp.stdio_server import StdioServer
from orchestrator_mcp.toolbox import Toolbox
from runtime_client.address import RuntimeAddress, find_runtime
from runtime_client.configured import configured
from runtime_client.errors import RuntimeClientError
from runtime_client.terminal.output import write


def main(arguments: Sequence[str], commands_dir: Path | None) -> int:
    """Serve until the client goes or a signal comes; return the exit status."""
    try:
        http = read_arguments(arguments)
        address = find_runtime(configured(os.environ))
        if http is None:
            caller_of_process(address)
        desk = Desk(address)
        try:
            _serve(build_toolbox(desk, commands_dir), address, http)
        finally:
            desk.close()
    except RuntimeClientError as error:
        sys.stderr.write(f"agent-orchestrator-mcp: {error}\n")
        return int(error.exit_code)
    except KeyboardInterrupt:
        return 130
    return 0


def _serve(toolbox: Toolbox, address: RuntimeAddress, http: HttpSettings | None) -> None:
    if http is None:
        StdioServer(toolbox, partial(caller_of_process, address), partial(write, sys.stdout)).serve(sys.stdin.buffer)
        return
    # Imported late: the SDK takes a second and 60 MB, and serves HTTP only.
    from orchestrator_mcp.http_server import serve_http

    serve_http(toolbox, http)
