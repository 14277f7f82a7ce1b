"""The blueprint's MCP servers, as the protocol wants them told."""

from collections.abc import Mapping

from agent_backends.client.loose import is_true
from agent_backends.client.servers import STDIO, McpServer
from runtime_client.wire import JsonObject, UnexpectedAnswerError


def told_servers(servers: list[McpServer], capabilities: JsonObject) -> list[JsonObject]:
    """Return the servers for a session; `capabilities` is what the agent has declared.

    Errors:  UnexpectedAnswerError, for a server that the agent cannot speak to.
    """
    return [_told(server, capabilities) for server in servers]


def _told(server: McpServer, capabilities: JsonObject) -> JsonObject:
    if server.kind == STDIO:
        program, *words = server.command
        return {"name": server.name, "command": program, "args": words, "env": _pairs(server.variables)}
    if not is_true(capabilities, "mcpCapabilities", server.kind):
        raise UnexpectedAnswerError(
            f"MCP server {server.name!r} is reached by {server.kind}, which this agent does not speak"
        )
    return {"type": server.kind, "name": server.name, "url": server.url, "headers": _pairs(server.headers)}


def _pairs(values: Mapping[str, str]) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in values.items()]
