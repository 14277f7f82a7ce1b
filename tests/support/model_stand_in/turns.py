"""Messages put together from pieces: what the model said in one breath is one message."""

from __future__ import annotations

from support.model_stand_in.wire import Json, JsonObject


class Turns:
    """Takes the pieces of a conversation in their order."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self._speaker = ""
        self._blocks: list[Json] = []

    def add(self, speaker: str, block: JsonObject) -> None:
        """Take one block of somebody."""
        if speaker != self._speaker or (block.get("type") == "text" and speaker == "user"):
            self._blocks = []
            self.messages.append({"role": speaker, "content": self._blocks})
        self._speaker = speaker
        self._blocks.append(block)

    def say(self, speaker: str, text: str) -> None:
        """Take a text of somebody."""
        self.add(speaker, {"type": "text", "text": text})

    def result(self, text: str) -> None:
        """Take the result of a tool."""
        self.add("user", {"type": "tool_result", "content": text})

    def call(self, name: str) -> None:
        """Take a tool call of the model's."""
        self.add("assistant", {"type": "tool_use", "name": name})
