"""What the server is told at its start, by arguments and environment."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from runtime_client.errors import UsageError
from runtime_client.version import VERSION

DEFAULT_PORT = 8766
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class HttpSettings:
    """Where to listen.

    Shape:   `allowed_hosts` are the Host headers that are answered: no web page gets in under a name of its own.
    """

    host: str
    port: int
    allowed_hosts: tuple[str, ...]

    @property
    def shown_host(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host


def read_arguments(arguments: Sequence[str]) -> HttpSettings | None:
    """Read the command line: None means standard input and output.

    Errors:  UsageError, if another address than the loopback is wanted and no name is allowed.
    """
    parser = argparse.ArgumentParser(
        prog="agent-orchestrator-mcp",
        description="The Agent Orchestrator as MCP tools. Finds the runtime by AGENT_RUNTIME_URL and its token file.",
    )
    parser.add_argument("--transport", choices=["stdio", "http"], default="stdio", help="default: %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen with http (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--allowed-host", action="append", default=[], help="a Host header to answer besides the loopback's names"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    asked = parser.parse_args(arguments)
    if asked.transport == "stdio":
        return None
    named: list[str] = asked.allowed_host
    if asked.host not in {"127.0.0.1", "localhost", "::1"} and not named:
        raise UsageError(
            f"cannot listen on {asked.host!r}: expected --allowed-host with the name that clients use, found none"
        )
    allowed = [host for name in (*LOOPBACK, *named) for host in (name, f"{name}:*")]
    return HttpSettings(asked.host, asked.port, tuple(allowed))
