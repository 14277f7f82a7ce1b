"""OpenAI's Responses API, as Codex speaks it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from uuid import uuid4

from support.model_stand_in.answers import Answer
from support.model_stand_in.turns import Turns
from support.model_stand_in.wire import JsonObject, objects, text_of

# What Codex puts before a prompt, as messages of the user.
_CLIENT_NOTE = re.compile(r"^(<environment_context|<user_instructions|# AGENTS\.md)")
RESETS_IN_SECONDS = 3600


def to_messages(body: JsonObject) -> JsonObject:
    """Translate the items of `input`."""
    turns = Turns()
    for item in objects(body.get("input")):
        kind, role = item.get("type"), item.get("role")
        if kind == "function_call":
            turns.call(str(item.get("name")))
        elif kind == "function_call_output":
            turns.result(_output(item))
        elif role in ("user", "assistant"):
            text = text_of(item.get("content"))
            if role == "assistant" or not _CLIENT_NOTE.match(text):
                turns.say(str(role), text)
    return {
        "model": body.get("model"),
        "messages": turns.messages,
        "tools": body.get("tools"),
        "system": body.get("instructions"),
    }


def _output(item: JsonObject) -> str:
    text = text_of(item.get("output"))
    # What a command printed stands after what Codex says of it.
    return text.rpartition("Output:\n")[2].strip()


def as_events(answer: Answer) -> Iterator[bytes]:
    """The answer as the events of a response."""
    response = {"id": f"resp_{uuid4().hex}", "object": "response", "model": answer.model}
    yield _event("response.created", {"response": {**response, "status": "in_progress", "output": []}})
    items = [_item(block) for block in answer.blocks]
    for index, item in enumerate(items):
        yield _event("response.output_item.added", {"output_index": index, "item": {**item, "status": "in_progress"}})
        if item["type"] == "message":
            delta = text_of(item["content"])
            yield _event(
                "response.output_text.delta",
                {"item_id": item["id"], "output_index": index, "content_index": 0, "delta": delta},
            )
        yield _event("response.output_item.done", {"output_index": index, "item": item})
    yield _event("response.completed", {"response": {**response, **_ended(answer), "output": list(items)}})


def as_object(answer: Answer) -> JsonObject:
    """The answer in one piece."""
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "model": answer.model,
        **_ended(answer),
        "output": [_item(block) for block in answer.blocks],
    }


def error_body(status: int, message: str) -> JsonObject:
    """An error; a text that speaks of a usage limit is one of the account's, with the time at which it ends."""
    if status == 429 and "usage limit" in message:
        limit: JsonObject = {"type": "usage_limit_reached", "message": message, "plan_type": "plus"}
        return {"error": {**limit, "resets_at": int(time.time()) + RESETS_IN_SECONDS}}
    return {"error": {"type": "invalid_request_error", "code": None, "message": message}}


def _item(block: JsonObject) -> JsonObject:
    if block["type"] == "tool_use":
        return {
            "id": f"fc_{uuid4().hex}",
            "type": "function_call",
            "status": "completed",
            "call_id": block["id"],
            **_named(str(block["name"])),
            "arguments": json.dumps(block["input"]),
        }
    content: JsonObject = {"type": "output_text", "text": block["text"], "annotations": []}
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [content],
    }


def _named(name: str) -> JsonObject:
    """A tool of an MCP server is in a namespace, `SERVER/TOOL` here."""
    space, slash, tool = name.rpartition("/")
    return {"name": tool, "namespace": space} if slash else {"name": name}


def _ended(answer: Answer) -> JsonObject:
    used: JsonObject = {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
    return {"status": "completed", "usage": used}


def _event(kind: str, fields: JsonObject) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
