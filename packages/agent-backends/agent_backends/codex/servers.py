"""The blueprint's MCP servers, as Codex has them in its configuration."""

from agent_backends.client.servers import HTTP, STDIO, McpServer
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError


def told_servers(servers: list[McpServer], variables: list[str], *, rejects: bool) -> dict[str, JsonObject]:
    """Return the servers by their place in the configuration; `variables` are handed on to those that are started.

    With `rejects`, each call would have to be asked for, which is never done, so each is refused.

    Errors:  UnexpectedAnswerError, for a server that Codex cannot speak to.
    """
    return {
        f"mcp_servers.{server.name}": _told(server, variables, "prompt" if rejects else "approve") for server in servers
    }


def _told(server: McpServer, variables: list[str], approval: str) -> JsonObject:
    common: dict[str, Json] = {"default_tools_approval_mode": approval, "required": True}
    if server.kind == STDIO:
        program, *words = server.command
        inherited = [name for name in variables if name not in server.variables]
        return {**common, "command": program, "args": words, "env": dict(server.variables), "env_vars": inherited}
    if server.kind == HTTP:
        return {**common, "url": server.url, "http_headers": dict(server.headers)}
    raise UnexpectedAnswerError(f"MCP server {server.name!r} is reached by {server.kind}, which Codex does not speak")
