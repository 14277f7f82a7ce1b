"""The model itself: from one request's messages to one decision, without any memory of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import assert_never

from support.model_stand_in.answers import Answer, text_block, tool_block
from support.model_stand_in.conversation import Conversation, read_conversation
from support.model_stand_in.script import CallTool, Cut, Fail, Recall, Say, Step, Think, UseUp, arguments_of, fill_in
from support.model_stand_in.wire import JsonObject


@dataclass(frozen=True)
class Decision:
    """What to do with one request: how long to think, whether to fail, what to answer, whether to break off, and
    for how long to use up the account's limit."""

    answer: Answer
    think_seconds: float
    failure: Fail | None
    is_cut: bool
    limit_seconds: float = 0.0
    is_always_cut: bool = False


def decide(body: JsonObject) -> Decision:
    """Read the script in the messages and say what the next answer is."""
    conversation = read_conversation(body)
    steps = conversation.next_turn() or (Say(_unasked(conversation)),)
    blocks = [block for step in steps if (block := _block(step, conversation))]
    model = body.get("model")
    answer = Answer(
        blocks=blocks or [text_block("")],
        model=model if isinstance(model, str) else "stand-in",
        input_tokens=count_tokens(body),
    )
    return Decision(
        answer=answer,
        think_seconds=sum(step.seconds for step in steps if isinstance(step, Think)),
        failure=next((step for step in steps if isinstance(step, Fail)), None),
        is_cut=any(isinstance(step, Cut) for step in steps),
        is_always_cut=any(isinstance(step, Cut) and step.is_for_ever for step in steps),
        limit_seconds=sum(step.seconds for step in steps if isinstance(step, UseUp)),
    )


def count_tokens(body: JsonObject) -> int:
    """About one token for four characters of the messages."""
    return max(1, len(json.dumps(body.get("messages"))) // 4)


def _block(step: Step, conversation: Conversation) -> JsonObject | None:
    match step:
        case Say(text):
            return text_block(fill_in(text, conversation.last_result))
        case Recall():
            return text_block("\n".join(["I remember:", *conversation.earlier_prompts]))
        case CallTool(name, _):
            return tool_block(name, arguments_of(step, conversation.last_result))
        case Think() | Fail() | UseUp() | Cut():
            return None
        case _:
            assert_never(step)


def _unasked(conversation: Conversation) -> str:
    if conversation.turn_index:
        return f"done: {conversation.last_result}"
    prompt = conversation.prompts[-1] if conversation.prompts else ""
    return f"you said: {prompt[:200]}"
