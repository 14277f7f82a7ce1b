"""MCP over standard input and output, for the one client that started us: JSON-RPC, a message on each line.

By the SDK a start would take ten times as long and as much memory again, and every agent that is given these tools
starts a server of its own. What a server with tools and nothing else has to say is little.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, cast

from orchestrator_mcp.caller import Caller
from orchestrator_mcp.toolbox import Toolbox
from runtime_client.wire import Json, JsonObject

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions of MCP that begin with `initialize`; the tools are told in the same way in each."""

NOT_JSON, NOT_A_REQUEST, NO_SUCH_METHOD, BAD_PARAMETERS = -32700, -32600, -32601, -32602

RequestId: TypeAlias = str | int


class StdioServer:
    """Answers one client; calls run beside each other, each in a thread of its own.

    Shape:   `write` takes one line, and may be called from any thread.
    """

    def __init__(self, toolbox: Toolbox, who_calls: Callable[[], Caller], write: Callable[[bytes], object]) -> None:
        self._toolbox = toolbox
        self._who_calls = who_calls
        self._write = write
        self._lock = threading.Lock()
        self._running: set[RequestId] = set()

    def serve(self, lines: Iterable[bytes]) -> None:
        """Answer until there are no more lines; what still runs then is for nobody any more."""
        for line in lines:
            if line.strip():
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = cast("Json", json.loads(line))
        except (ValueError, RecursionError):
            self._refuse(None, NOT_JSON, "Parse error: expected JSON, one message on a line")
            return
        if not isinstance(message, dict):
            self._refuse(None, NOT_A_REQUEST, "Invalid request: expected an object")
            return
        method, request_id, parameters = message.get("method"), message.get("id"), message.get("params") or {}
        if "result" in message or "error" in message:
            return  # It answers a question, and we have asked none.
        if not isinstance(method, str) or not isinstance(parameters, dict):
            self._refuse(request_id, NOT_A_REQUEST, "Invalid request: expected a method and an object of parameters")
        elif "id" not in message:
            self._note(method, parameters)
        elif isinstance(request_id, str | int):
            self._answer(request_id, method, parameters)
        else:
            self._refuse(None, NOT_A_REQUEST, "Invalid request: expected the id to be a text or a whole number")

    def _note(self, method: str, parameters: JsonObject) -> None:
        if method == "notifications/cancelled":
            with self._lock:
                self._running.discard(cast("RequestId", parameters.get("requestId")))

    def _answer(self, request_id: RequestId, method: str, parameters: JsonObject) -> None:
        match method:
            case "initialize":
                self._send(request_id, self._introduction(parameters.get("protocolVersion")))
            case "ping":
                self._send(request_id, {})
            case "tools/list":
                self._send(request_id, {"tools": self._toolbox.definitions()})
            case "tools/call":
                self._start_call(request_id, parameters)
            case _:
                self._refuse(request_id, NO_SUCH_METHOD, f"Method not found: {method[:80]}")

    def _introduction(self, wanted: Json) -> JsonObject:
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {
                "name": "agent-orchestrator", "title": "Agent Orchestrator", "version": self._toolbox.version,
            },
            "instructions": self._toolbox.instructions,
        }  # fmt: skip

    def _start_call(self, request_id: RequestId, parameters: JsonObject) -> None:
        name, arguments = parameters.get("name"), parameters.get("arguments") or {}
        if not isinstance(name, str) or not isinstance(arguments, Mapping):
            self._refuse(request_id, BAD_PARAMETERS, "Invalid parameters: expected a tool's name and its arguments")
            return
        with self._lock:
            self._running.add(request_id)
        threading.Thread(target=self._call, args=(request_id, name, arguments), name=name, daemon=True).start()

    def _call(self, request_id: RequestId, name: str, arguments: JsonObject) -> None:
        result = self._toolbox.call(name, arguments, self._who_calls)
        with self._lock:
            is_wanted = request_id in self._running
            self._running.discard(request_id)
        if is_wanted:
            self._send(request_id, result)

    def _send(self, request_id: RequestId, result: JsonObject) -> None:
        self._write_message({"jsonrpc": "2.0", "id": request_id, "result": result})

    def _refuse(self, request_id: Json, code: int, sentence: str) -> None:
        self._write_message({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": sentence}})

    def _write_message(self, message: JsonObject) -> None:
        line = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            self._write(line)
