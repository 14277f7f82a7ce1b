"""The other APIs of models, each translated to and from the Messages API: what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from support.model_stand_in import chat, gemini, messages, responses
from support.model_stand_in.answers import Answer
from support.model_stand_in.wire import JsonObject


class Dialect(Protocol):
    """One API, as a module."""

    def to_messages(self, body: JsonObject) -> JsonObject:
        """What is asked, as the Messages API would have it asked."""
        ...

    def as_events(self, answer: Answer) -> Iterator[bytes]:
        """The answer as server-sent events."""
        ...

    def as_object(self, answer: Answer) -> JsonObject:
        """The answer in one piece."""
        ...

    def error_body(self, status: int, message: str) -> JsonObject:
        """The body of an error."""
        ...


@dataclass(frozen=True)
class Call:
    """One call of a model: in which dialect, and whether the answer is streamed."""

    dialect: Dialect
    is_streamed: bool


def call_of(path: str, body: JsonObject) -> Call | None:
    """Which call of a model a request is; None if it is something else."""
    place = path.split("?")[0]
    is_streamed = bool(body.get("stream"))
    if place == "/v1/messages":
        return Call(messages, is_streamed)
    if place.endswith("/responses"):
        return Call(responses, is_streamed)
    if place.endswith("/chat/completions"):
        return Call(chat, is_streamed)
    if place.endswith((":streamGenerateContent", ":generateContent")):
        return Call(gemini, place.endswith(":streamGenerateContent"))
    return None


def messages_in(path: str, body: JsonObject) -> JsonObject:
    """What is asked, whatever the dialect; the body itself if it asks no model."""
    call = call_of(path, body)
    return call.dialect.to_messages(body) if call else body
