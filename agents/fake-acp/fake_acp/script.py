"""What a prompt asks for: one line is one thing to do.

    say: TEXT            say it, in two pieces
    think: TEXT          think it aloud
    run: COMMAND         run it in the project folder, as a tool call, and remember what it printed
    ask: COMMAND         the same, once permission is given
    recall               say the earlier prompts of the conversation
    cost: DOLLARS        tell that the conversation has cost so much more
    wait: SECONDS        do nothing for so long, or until it is cancelled
    mcp                  say which MCP servers it was given
    mode                 say which mode and model it is in
    update: {JSON}       send this as an update
    request: METHOD      ask the client for something
    elicit: {JSON}       ask people to fill in this form, and remember what the client answered
    error: CODE {JSON}   answer the prompt with this error, the JSON as its data
    stop: REASON         end the turn with this reason

Other lines mean nothing, `{{last}}` is what the last command printed, and a prompt without such a line is said back.
"""

import re
from typing import NamedTuple

VERBS = (
    "say",
    "think",
    "run",
    "ask",
    "recall",
    "cost",
    "wait",
    "mcp",
    "mode",
    "update",
    "request",
    "elicit",
    "error",
    "stop",
)
_LINE = re.compile(rf"^(?P<verb>{'|'.join(VERBS)})\b:?\s*(?P<rest>.*)$")


class Step(NamedTuple):
    """One thing to do."""

    verb: str
    rest: str


def steps_in(prompt: str) -> list[Step]:
    """Return what a prompt asks for."""
    found = (_LINE.match(line.strip()) for line in prompt.splitlines())
    steps = [Step(line["verb"], line["rest"]) for line in found if line]
    return steps or [Step("say", f"you said: {prompt.strip()[:200]}")]
