"""The blueprint's MCP servers, as the protocol wants them told."""

from collections.abc import Mapping

from agent_backends.client.loose import is_true
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError, optional_text, text, text_map, texts

_REMOTE = ("http", "sse")


def told_servers(servers: JsonObject, capabilities: JsonObject) -> list[JsonObject]:
    """Return the servers for a session; `capabilities` is what the agent has declared.

    Errors:  UnexpectedAnswerError, for a server that the agent cannot speak to, and for one that is not understood.
    """
    return [_told(name, settings, capabilities) for name, settings in servers.items()]


def _told(name: str, settings: Json, capabilities: JsonObject) -> JsonObject:
    if not isinstance(settings, Mapping):
        raise UnexpectedAnswerError(f"expected MCP server {name!r} to be an object")
    kind = optional_text(settings, "type") or ("http" if "url" in settings else "stdio")
    if kind == "stdio":
        return {
            "name": name,
            "command": text(settings, "command"),
            "args": list(texts(settings, "args")),
            "env": _pairs(settings, "env"),
        }
    if kind not in _REMOTE:
        raise UnexpectedAnswerError(f"MCP server {name!r} has the type {kind!r} (known: stdio, {', '.join(_REMOTE)})")
    if not is_true(capabilities, "mcpCapabilities", kind):
        raise UnexpectedAnswerError(f"MCP server {name!r} is reached by {kind}, which this agent does not speak")
    return {"type": kind, "name": name, "url": text(settings, "url"), "headers": _pairs(settings, "headers")}


def _pairs(settings: JsonObject, field: str) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in text_map(settings, field).items()]
