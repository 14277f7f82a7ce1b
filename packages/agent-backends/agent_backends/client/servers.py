"""The blueprint's MCP servers, read once for all clients, whatever each wants to have them told as."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_backends.protocol import Turn
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError, optional_text, text, text_map, texts

STDIO, HTTP, SSE = "stdio", "http", "sse"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class McpServer:
    """One server.

    Shape:   `command` and `variables` are of one that is started, `url` and `headers` of one that is reached.
    """

    name: str
    kind: str
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def servers_of(turn: Turn) -> list[McpServer]:
    """Return the servers of a turn's blueprint; `${NAME}` in their variables, headers and URL is filled in.

    Clients differ in what they fill in themselves; one that is not set stays as it is.

    Errors:  UnexpectedAnswerError, naming the server and what was expected.
    """
    return [_server(name, settings, turn.environment) for name, settings in turn.blueprint.mcp_servers.items()]


def _server(name: str, settings: Json, environment: Mapping[str, str]) -> McpServer:
    if not isinstance(settings, Mapping):
        raise UnexpectedAnswerError(f"expected MCP server {name!r} to be an object")
    kind = optional_text(settings, "type") or (HTTP if "url" in settings else STDIO)
    if kind == STDIO:
        command = (text(settings, "command"), *texts(settings, "args"))
        return McpServer(name, kind, command=command, variables=_filled(settings, "env", environment))
    if kind in (HTTP, SSE):
        url = _fill(text(settings, "url"), environment)
        return McpServer(name, kind, url=url, headers=_filled(settings, "headers", environment))
    raise UnexpectedAnswerError(f"MCP server {name!r} has the type {kind!r} (known: {STDIO}, {HTTP}, {SSE})")


def _filled(settings: JsonObject, field: str, environment: Mapping[str, str]) -> dict[str, str]:
    return {name: _fill(value, environment) for name, value in text_map(settings, field).items()}


def _fill(value: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1], found[0]), value)
