"""Where a tool meets the runtime: as the caller, in time, and with every failure as one sentence and one code."""

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ParamSpec, TypeAlias, TypeVar, cast

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, TextContent
from starlette.requests import Request

from orchestrator_mcp.caller import Caller, caller_of_process, caller_of_request
from runtime_client.address import RuntimeAddress
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError, UnauthorizedError

ANSWER_SECONDS_MAX = 44.0
"""Clients give a tool 60 s, some less; a tool that answers is better than one that is cut off."""

ToolContext: TypeAlias = Context[object, Request]
Value = TypeVar("Value")
Parameters = ParamSpec("Parameters")


class TookTooLongError(RuntimeClientError):
    """The runtime did not answer within the time that a tool has."""

    code = "timed_out"
    is_passing = True


class Desk:
    """Gives each call a client of the runtime that speaks as the caller."""

    def __init__(self, address: RuntimeAddress) -> None:
        self._address = address
        self._own: RuntimeClient | None = None

    def close(self) -> None:
        """Close the connections that are kept."""
        if self._own is not None:
            self._own.close()

    def caller(self, context: ToolContext) -> Caller:
        """Tell who calls.

        Errors:  UsageError.
        """
        headers = context.headers
        return caller_of_process(self._address) if headers is None else caller_of_request(headers)

    async def ask(self, context: ToolContext, question: Callable[[RuntimeClient, Caller], Value]) -> Value:
        """Run blocking calls as the caller, and give up before the model's client does.

        Errors:  RuntimeClientError.
        """
        caller = self.caller(context)
        with anyio.move_on_after(ANSWER_SECONDS_MAX):
            return await anyio.to_thread.run_sync(
                self._run, caller, context.headers is None, question, abandon_on_cancel=True
            )
        raise TookTooLongError(
            f"the Agent Runtime at {self._address.url!r} did not answer within {ANSWER_SECONDS_MAX:g} s"
            " (look with get_agent_session_status before you try again)"
        )

    def _run(self, caller: Caller, is_kept: bool, question: Callable[[RuntimeClient, Caller], Value]) -> Value:
        with self._client(caller, is_kept) as client:
            return question(client, caller)

    @contextmanager
    def _client(self, caller: Caller, is_kept: bool) -> Iterator[RuntimeClient]:
        if not is_kept:
            # Another caller may bring another token: connections are not shared between them.
            with RuntimeClient(caller.address(self._address)) as client:
                yield client
            return
        if self._own is None:
            self._own = RuntimeClient(replace(self._address, session_name=caller.session_name))
        yield self._own


def answers_errors(tool: Callable[Parameters, Awaitable[Value]]) -> Callable[Parameters, Awaitable[Value]]:
    """Turn what can go wrong into a tool error: the sentence for the model, the code for its client."""

    @functools.wraps(tool)
    async def answering(*arguments: Parameters.args, **named: Parameters.kwargs) -> Value:
        try:
            return await tool(*arguments, **named)
        except RuntimeClientError as error:
            # The SDK takes a ready answer in place of the tool's own type; only its signature does not say so.
            return cast("Value", refusal(error))

    return answering


def refusal(error: RuntimeClientError) -> CallToolResult:
    """Say to a model what was refused, and why."""
    sentence = str(error)
    if isinstance(error, UnauthorizedError):
        sentence = f"{sentence} [this is for the person who configured the MCP server; retrying does not help]"
    return CallToolResult(
        content=[TextContent(type="text", text=f"{sentence} (code: {error.code})")],
        structured_content={"detail": sentence, "code": error.code},
        is_error=True,
    )
