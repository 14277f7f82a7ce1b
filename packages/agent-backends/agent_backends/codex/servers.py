"""The blueprint's MCP servers, as Codex has them in its configuration."""

from agent_backends.client.servers import HTTP, STDIO, McpServer
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError


def told_servers(servers: list[McpServer], variables: list[str]) -> dict[str, JsonObject]:
    """Return the servers by their place in the configuration; `variables` are handed on to those that are started.

    Errors:  UnexpectedAnswerError, for a server that Codex cannot speak to.
    """
    return {f"mcp_servers.{server.name}": _told(server, variables) for server in servers}


def _told(server: McpServer, variables: list[str]) -> JsonObject:
    # Nobody is there to approve; what the blueprint names it may use.
    common: dict[str, Json] = {"default_tools_approval_mode": "approve", "required": True}
    if server.kind == STDIO:
        program, *words = server.command
        inherited = [name for name in variables if name not in server.variables]
        return {**common, "command": program, "args": words, "env": dict(server.variables), "env_vars": inherited}
    if server.kind == HTTP:
        return {**common, "url": server.url, "http_headers": dict(server.headers)}
    raise UnexpectedAnswerError(f"MCP server {server.name!r} is reached by {server.kind}, which Codex does not speak")
