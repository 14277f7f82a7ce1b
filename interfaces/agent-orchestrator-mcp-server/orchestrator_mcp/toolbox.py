"""The tools as MCP knows them: what each says of itself, and a call of one, over whichever wire it comes."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from pydantic import BaseModel, create_model

from orchestrator_mcp.arguments import Schema, fitted
from orchestrator_mcp.caller import Caller
from runtime_client.errors import RuntimeClientError, UnauthorizedError, UsageError
from runtime_client.wire import Json, JsonObject

log = logging.getLogger("agent-orchestrator-mcp")


class NoSuchToolError(UsageError):
    """A tool of that name is not here."""

    code = "tool_unknown"


class ToolBrokeError(RuntimeClientError):
    """A mistake of ours; the trace is in the server's log."""

    code = "internal_error"


@dataclass(frozen=True)
class Tool:
    """One tool.

    Shape:   `work` takes the caller and what the model passed, and returns a value of the model that its signature
             names; its parameters' annotations and its docstring are what the model is told.
             `hints` are MCP's annotations.
    """

    title: str
    work: Callable[..., BaseModel]
    hints: Mapping[str, bool]

    @property
    def name(self) -> str:
        """What a model calls it."""
        return self.work.__name__

    @cached_property
    def input_schema(self) -> Schema:
        """The JSON Schema of the arguments."""
        parameters = [one for name, one in inspect.signature(self.work).parameters.items() if name != "caller"]
        fields: dict[str, Any] = {
            one.name: (one.annotation, ... if one.default is inspect.Parameter.empty else one.default)
            for one in parameters
        }
        schema: Schema = create_model(f"{self.name}Arguments", **fields).model_json_schema()
        return schema

    def definition(self) -> JsonObject:
        """Return it as `tools/list` tells it."""
        answer: type[BaseModel] = inspect.signature(self.work).return_annotation
        return {
            "name": self.name,
            "title": self.title,
            "description": inspect.getdoc(self.work) or "",
            "inputSchema": self.input_schema,
            "outputSchema": answer.model_json_schema(mode="serialization"),
            "annotations": self.hints,
        }


class Toolbox:
    """All tools, called by name; no text of a library reaches a model."""

    def __init__(self, tools: Sequence[Tool], instructions: str, version: str) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.instructions = instructions
        self.version = version

    def definitions(self) -> list[JsonObject]:
        """Return what the tools say of themselves."""
        return [tool.definition() for tool in self._tools.values()]

    def call(self, name: str, arguments: Mapping[str, object], who_calls: Callable[[], Caller]) -> JsonObject:
        """Call a tool with what a model passed; return the result of `tools/call`, which may be a refusal.

        Errors:  `who_calls` may raise UsageError, which becomes a refusal too.
        """
        try:
            tool = self._tool(name)
            return _answer(tool.work(who_calls(), **fitted(name, tool.input_schema, arguments)))
        except RuntimeClientError as error:
            return _refusal(error)
        except Exception:
            log.exception("the tool %s broke", name)
            return _refusal(
                ToolBrokeError(f"the tool {name} broke, by a mistake of ours (its server's log says where)")
            )

    def _tool(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        meant = get_close_matches(name, self._tools, n=1)
        advice = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(self._tools)}"
        raise NoSuchToolError(f"there is no tool {name[:80]!r} ({advice})")


def _answer(answer: BaseModel) -> JsonObject:
    return _result(answer.model_dump_json(indent=2), answer.model_dump(mode="json"), is_error=False)


def _refusal(error: RuntimeClientError) -> JsonObject:
    """Say to a model what was refused, and why: the sentence for the model, the code for its client."""
    sentence = str(error)
    if isinstance(error, UnauthorizedError):
        sentence = f"{sentence} [this is for the person who configured the MCP server; retrying does not help]"
    return _result(f"{sentence} (code: {error.code})", {"detail": sentence, "code": error.code}, is_error=True)


def _result(text: str, structured: Json, *, is_error: bool) -> JsonObject:
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, "isError": is_error}
