"""What a request's messages say: the prompts so far, the latest tool results, and which turn is next."""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.model_stand_in.script import Turn, is_script, turns_later, turns_now
from support.model_stand_in.wire import JsonObject, objects, text_of

# The client adds notes of its own to what the user wrote.
_CLIENT_NOTE = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


@dataclass(frozen=True)
class Conversation:
    """One conversation as the client tells it with every request."""

    prompts: tuple[str, ...]
    turn_index: int
    last_result: str

    @property
    def earlier_prompts(self) -> tuple[str, ...]:
        """Every prompt but the one that is being answered."""
        return self.prompts[:-1]

    def next_turn(self) -> Turn | None:
        """What the script asks for now; None where no script says anything."""
        turns = self._script()
        return turns[self.turn_index] if self.turn_index < len(turns) else None

    def _script(self) -> list[Turn]:
        if not self.prompts:
            return []
        if is_script(self.prompts[-1]):
            return turns_now(self.prompts[-1])
        for prompt in reversed(self.earlier_prompts):
            if is_script(prompt) and (turns := turns_later(prompt)):
                return turns
        return []


def read_conversation(body: JsonObject) -> Conversation:
    """Find the prompts, and how far the answer to the last one has come."""
    prompts: list[str] = []
    turn_index = 0
    last_result = ""
    for message in objects(body.get("messages")):
        # The client also writes messages of the role `system` between the turns: they ask for nothing.
        if message.get("role") == "assistant":
            turn_index += 1
        elif message.get("role") == "user":
            last_result = next(reversed(_tool_results(message)), last_result)
            if said := _prompts(message):
                prompts.extend(said)
                turn_index, last_result = 0, ""
    return Conversation(tuple(prompts), turn_index, last_result)


def _tool_results(message: JsonObject) -> list[str]:
    blocks = objects(message.get("content"))
    return [text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]


def _prompts(message: JsonObject) -> list[str]:
    content = message.get("content")
    texts = [content] if isinstance(content, str) else [text_of([block]) for block in objects(content)]
    return [said for text in texts if (said := _CLIENT_NOTE.sub("", text).strip())]
