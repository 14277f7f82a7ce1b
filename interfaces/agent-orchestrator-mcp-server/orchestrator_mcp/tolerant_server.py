"""The SDK's server, which takes what models send: what nearly fits is fitted, and what cannot be is explained."""

import difflib
import logging
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult

from orchestrator_mcp.arguments import fitted
from orchestrator_mcp.desk import refusal
from runtime_client.errors import RuntimeClientError, UsageError

log = logging.getLogger("agent-orchestrator-mcp")


class NoSuchToolError(UsageError):
    """A tool of that name is not here."""

    code = "tool_unknown"


class ToolBrokeError(RuntimeClientError):
    """A mistake of ours; the trace is in the server's log."""

    code = "internal_error"


class TolerantServer(MCPServer[object]):
    """Calls tools with fitted arguments; no text of a library reaches a model."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[object, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool."""
        try:
            schemas = {tool.name: tool.input_schema for tool in await self.list_tools()}
            if name not in schemas:
                raise _no_such_tool(name, list(schemas))
            return await super().call_tool(name, fitted(name, schemas[name], arguments), context)
        except RuntimeClientError as error:
            return refusal(error)
        except ToolError:
            log.exception("the tool %s broke", name)
            return refusal(ToolBrokeError(f"the tool {name} broke, by a mistake of ours (its server's log says where)"))


def _no_such_tool(name: str, known: list[str]) -> NoSuchToolError:
    meant = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(known)}"
    return NoSuchToolError(f"there is no tool {name[:80]!r} ({advice})")
