"""OpenAI's chat completions, as OpenCode speaks them to a provider of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

from support.model_stand_in.answers import Answer
from support.model_stand_in.turns import Turns
from support.model_stand_in.wire import JsonObject, objects, text_of


def to_messages(body: JsonObject) -> JsonObject:
    """Translate the messages, those of tools included."""
    turns = Turns()
    system: list[str] = []
    for message in objects(body.get("messages")):
        role, text = message.get("role"), text_of(message.get("content"))
        if role == "system":
            system.append(text)
        elif role == "tool":
            turns.result(text)
        else:
            if text:
                turns.say(str(role), text)
            for call in objects(message.get("tool_calls")):
                function = call.get("function")
                turns.call(str(function.get("name")) if isinstance(function, dict) else "")
    tools = [function for tool in objects(body.get("tools")) if isinstance(function := tool.get("function"), dict)]
    return {
        "model": body.get("model"),
        "messages": turns.messages,
        "tools": list(tools),
        "system": "\n".join(system),
    }


def as_events(answer: Answer) -> Iterator[bytes]:
    """The answer as chunks of a completion."""
    name = f"chatcmpl-{uuid4().hex}"
    yield _chunk(name, answer, {"role": "assistant", "content": ""})
    for index, block in enumerate(answer.blocks):
        yield _chunk(name, answer, _call(index, block) if block["type"] == "tool_use" else {"content": block["text"]})
    yield _chunk(name, answer, {}, ended=True)
    yield b"data: [DONE]\n\n"


def as_object(answer: Answer) -> JsonObject:
    """The answer in one piece."""
    text = "".join(str(block["text"]) for block in answer.blocks if block["type"] == "text")
    choice: JsonObject = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": 0,
        "model": answer.model,
        "choices": [choice],
        "usage": _usage(answer),
    }


def error_body(status: int, message: str) -> JsonObject:
    """An error."""
    return {"error": {"message": message, "type": "invalid_request_error" if status < 500 else "server_error"}}


def _call(index: int, block: JsonObject) -> JsonObject:
    function: JsonObject = {"name": block["name"], "arguments": json.dumps(block["input"])}
    return {"tool_calls": [{"index": index, "id": block["id"], "type": "function", "function": function}]}


def _chunk(name: str, answer: Answer, delta: JsonObject, *, ended: bool = False) -> bytes:
    reason = ("tool_calls" if answer.stop_reason == "tool_use" else "stop") if ended else None
    choice: JsonObject = {"index": 0, "delta": delta, "finish_reason": reason}
    fields: JsonObject = {
        "id": name,
        "object": "chat.completion.chunk",
        "created": 0,
        "model": answer.model,
        "choices": [choice],
        **({"usage": _usage(answer)} if ended else {}),
    }
    return f"data: {json.dumps(fields)}\n\n".encode()


def _usage(answer: Answer) -> JsonObject:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
