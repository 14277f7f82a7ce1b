"""Holds each message of an agent against the protocol's own schema, which its library brings along."""

import importlib
from collections.abc import Mapping
from types import ModuleType

from agent_backends.client.failures import one_line
from agent_backends.client.loose import part, word
from agent_backends.conformance.findings import Findings
from runtime_client.wire import Json, JsonObject

_ANSWERS: Mapping[str, str] = {
    "initialize": "InitializeResponse",
    "session/new": "NewSessionResponse",
    "session/load": "LoadSessionResponse",
    "session/resume": "ResumeSessionResponse",
    "session/prompt": "PromptResponse",
}
_REQUESTS: Mapping[str, str] = {
    "session/update": "SessionNotification",
    "session/request_permission": "RequestPermissionRequest",
}
SHOWN_CHARACTERS = 200


class Judge:
    """Says what of a message is not as the schema has it; without the library it only looks at the frame."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._schema: ModuleType | None = None
        try:
            self._schema = importlib.import_module("acp.schema")
        except ImportError:
            findings.cannot("schema", "not held against it (install agent-backends with its extra 'check')")

    def see_message(self, message: JsonObject) -> None:
        """Look at one message of the agent's."""
        if message.get("jsonrpc") != "2.0":
            self._findings.broken(
                "JSON-RPC", f"a message has no 'jsonrpc': '2.0': {str(dict(message))[:SHOWN_CHARACTERS]}"
            )
        method = word(message, "method")
        if method in _REQUESTS:
            self._hold(_REQUESTS[method], method, part(message, "params"))

    def see_answer(self, method: str, answer: JsonObject) -> None:
        """Look at the answer to a request."""
        if method in _ANSWERS:
            self._hold(_ANSWERS[method], f"answer to {method}", answer)

    def _hold(self, model_name: str, what: str, content: Json) -> None:
        if self._schema is None:
            return
        try:
            getattr(self._schema, model_name).model_validate(content)
        except ValueError as error:
            kind = word(content, "update", "sessionUpdate") if isinstance(content, Mapping) else ""
            said = one_line(str(error)).partition("For further information")[0][:SHOWN_CHARACTERS]
            self._findings.broken("schema", f"{what}{f' {kind!r}' if kind else ''}: {said}")
