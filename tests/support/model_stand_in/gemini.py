"""Gemini's generateContent, as Gemini CLI speaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from support.model_stand_in.answers import Answer
from support.model_stand_in.turns import Turns
from support.model_stand_in.wire import JsonObject, objects, text_of

_CLIENT_NOTE = re.compile(r"^(<session_context>|<\w+_context>|This is the Gemini CLI|---)")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}


def to_messages(body: JsonObject) -> JsonObject:
    """Translate the contents."""
    turns = Turns()
    for content in objects(body.get("contents")):
        speaker = "assistant" if content.get("role") == "model" else "user"
        for part in objects(content.get("parts")):
            _add(turns, speaker, part)
    declared = [one for tool in objects(body.get("tools")) for one in objects(tool.get("functionDeclarations"))]
    system = body.get("systemInstruction")
    return {
        "messages": turns.messages,
        "tools": list(declared),
        "system": text_of(system.get("parts")) if isinstance(system, dict) else "",
    }


def _add(turns: Turns, speaker: str, part: JsonObject) -> None:
    call, answered, text = part.get("functionCall"), part.get("functionResponse"), part.get("text")
    if isinstance(call, dict):
        turns.call(str(call.get("name")))
    elif isinstance(answered, dict):
        response = answered.get("response")
        output = response.get("output", response.get("error")) if isinstance(response, dict) else ""
        turns.result(_printed(str(output)))
    elif isinstance(text, str) and (speaker == "assistant" or not _CLIENT_NOTE.match(text)):
        turns.say(speaker, text)


def _printed(output: str) -> str:
    """What a command printed, of all that the client says about it."""
    found = re.search(
        r"^Output: (.*?)(?:\n(?:Error|Exit Code|Process Group PGID|Signal|Background PIDs): .*)*\Z", output, re.S | re.M
    )
    return found[1].strip() if found else output.strip()


def as_events(answer: Answer) -> Iterator[bytes]:
    """The answer as one event; the client takes it as it takes many."""
    yield f"data: {json.dumps(as_object(answer))}\n\n".encode()


def as_object(answer: Answer) -> JsonObject:
    """The answer in one piece."""
    candidate: JsonObject = {
        "content": {"role": "model", "parts": [_part(block) for block in answer.blocks]},
        "finishReason": "STOP",
        "index": 0,
    }
    used: JsonObject = {
        "promptTokenCount": answer.input_tokens,
        "candidatesTokenCount": answer.output_tokens,
        "totalTokenCount": answer.input_tokens + answer.output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": used, "modelVersion": "stand-in"}


def error_body(status: int, message: str) -> JsonObject:
    """An error."""
    return {"error": {"code": status, "message": message, "status": _STATUS.get(status, "INTERNAL")}}


def _part(block: JsonObject) -> JsonObject:
    if block["type"] == "tool_use":
        return {"functionCall": {"id": block["id"], "name": block["name"], "args": block["input"]}}
    return {"text": block["text"] or " "}
