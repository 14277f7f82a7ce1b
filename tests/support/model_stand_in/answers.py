"""The Messages API's side of the wire: answers as one JSON message, as server-sent events, or as an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from support.model_stand_in.wire import JsonObject

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Answer:
    """A whole answer of the model: its blocks, and what it says it used."""

    blocks: list[JsonObject]
    model: str
    input_tokens: int

    @property
    def stop_reason(self) -> str:
        """Why the model stopped: to wait for tools, or because it is done."""
        return "tool_use" if any(block["type"] == "tool_use" for block in self.blocks) else "end_turn"

    @property
    def output_tokens(self) -> int:
        """About one token for four characters, as a real model would count."""
        return max(1, len(json.dumps(self.blocks)) // 4)


def text_block(text: str) -> JsonObject:
    """A block of text."""
    return {"type": "text", "text": text}


def tool_block(name: str, arguments: JsonObject) -> JsonObject:
    """A block that asks the client to run a tool."""
    return {"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": name, "input": arguments}


def as_message(answer: Answer) -> JsonObject:
    """The answer as one JSON message, for a client that does not stream."""
    message = _empty_message(answer)
    message["content"] = list(answer.blocks)
    message["stop_reason"] = answer.stop_reason
    message["usage"] = _usage(answer, answer.output_tokens)
    return message


def as_events(answer: Answer) -> Iterator[bytes]:
    """The answer as the server-sent events of a streaming client."""
    yield _event("message_start", {"message": _empty_message(answer)})
    for index, block in enumerate(answer.blocks):
        yield from _block_events(index, block)
    stop: JsonObject = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    yield _event("message_delta", {"delta": stop, "usage": {"output_tokens": answer.output_tokens}})
    yield _event("message_stop", {})


def error_body(status: int, message: str) -> JsonObject:
    """The body of an error, typed as the API types it."""
    error: JsonObject = {"type": ERROR_TYPES.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{uuid4().hex[:24]}"}


def _block_events(index: int, block: JsonObject) -> Iterator[bytes]:
    delta: JsonObject
    if block["type"] == "tool_use":
        opening: JsonObject = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    else:
        opening = {**block, "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    yield _event("content_block_start", {"index": index, "content_block": opening})
    yield _event("content_block_delta", {"index": index, "delta": delta})
    yield _event("content_block_stop", {"index": index})


def _empty_message(answer: Answer) -> JsonObject:
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(answer, 1),
    }


def _usage(answer: Answer, output_tokens: int) -> JsonObject:
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _event(kind: str, fields: JsonObject) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
