"""MCP over streamable HTTP, for many clients, by the SDK; loaded only where it is asked for."""

import socket
import sys
from functools import partial

import anyio.to_thread
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams
from starlette.requests import Request

from orchestrator_mcp.caller import caller_of_request
from orchestrator_mcp.settings import HttpSettings
from orchestrator_mcp.toolbox import Toolbox
from runtime_client.errors import UsageError


def serve_http(toolbox: Toolbox, settings: HttpSettings) -> None:
    """Serve over streamable HTTP until a signal, and say where on standard error."""
    app = _server(toolbox).streamable_http_app(
        stateless_http=True,
        host=settings.host,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=list(settings.allowed_hosts),
            allowed_origins=[f"{scheme}://{host}" for host in settings.allowed_hosts for scheme in ("http", "https")],
        ),
    )
    listener = _listen(settings)
    port = listener.getsockname()[1]
    sys.stderr.write(f"agent-orchestrator-mcp listens on http://{settings.shown_host}:{port}/mcp\n")
    sys.stderr.flush()
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listener])


def _server(toolbox: Toolbox) -> Server[object]:
    async def list_tools(
        _: ServerRequestContext[object, Request], __: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult.model_validate({"tools": toolbox.definitions()})

    async def call_tool(context: ServerRequestContext[object, Request], asked: CallToolRequestParams) -> CallToolResult:
        headers = {} if context.request is None else context.request.headers
        call = partial(toolbox.call, asked.name, asked.arguments or {}, partial(caller_of_request, headers))
        return CallToolResult.model_validate(await anyio.to_thread.run_sync(call, abandon_on_cancel=True))

    return Server(
        "agent-orchestrator",
        title="Agent Orchestrator",
        instructions=toolbox.instructions,
        version=toolbox.version,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _listen(settings: HttpSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as cause:
        listener.close()
        raise UsageError(
            f"cannot listen on '{settings.host}:{settings.port}': {cause} (choose another --port)"
        ) from cause
    return listener
