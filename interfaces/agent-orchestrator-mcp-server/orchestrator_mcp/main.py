"""Reads the settings, builds the parts, serves."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator_mcp.caller import caller_of_process
from orchestrator_mcp.desk import Desk
from orchestrator_mcp.server import build_server, serve_http
from orchestrator_mcp.settings import read_arguments
from runtime_client.address import find_runtime
from runtime_client.errors import RuntimeClientError


def main(arguments: Sequence[str], commands_dir: Path | None) -> int:
    """Serve until the client goes or a signal comes; return the exit status."""
    try:
        http = read_arguments(arguments)
        address = find_runtime(os.environ)
        if http is None:
            caller_of_process(address)
        desk = Desk(address)
        try:
            server = build_server(desk, commands_dir)
            if http is None:
                server.run("stdio")
            else:
                serve_http(server, http)
        finally:
            desk.close()
    except RuntimeClientError as error:
        sys.stderr.write(f"agent-orchestrator-mcp: {error}\n")
        return int(error.exit_code)
    except KeyboardInterrupt:
        return 130
    return 0
