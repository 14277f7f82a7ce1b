"""The script language: one line of a prompt is one thing for the model to do.

    say: TEXT                 answer with this text
    recall                    answer with every earlier prompt of the conversation
    tool: NAME {JSON}         call a tool and go on with the next line after its result
    and tool: NAME {JSON}     call it in the same breath as the tool of the line before
    slow: SECONDS             think for so long before answering
    error: STATUS [xN] [TEXT] answer with this HTTP status; N times only, if xN is there
    limit: SECONDS            use up the account's limit: whoever asks with its credential is refused for so long,
                              with the time at which the limit begins anew
    cut                       break the connection in the middle of a streamed answer
    cut: for ever             break it in the middle of whatever is answered
    later: LINE               a line for a later prompt that holds no script of its own

`mcp:` is another word for `tool:`, and `then` may stand before any line. Other lines mean nothing. A prompt is a
script if its first line is one, so that news from elsewhere that only quotes a script is never obeyed.

`{{last}}` is the text of the latest tool result, and `{{last.a.0.b}}` a part of it where that text is JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

from support.model_stand_in.wire import Json, JsonObject, read_object


@dataclass(frozen=True)
class Say:
    """Answer with a text."""

    text: str


@dataclass(frozen=True)
class Recall:
    """Answer with the earlier prompts of the conversation."""


@dataclass(frozen=True)
class CallTool:
    """Call a tool; its result begins the next turn."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Think:
    """Take some time before answering."""

    seconds: float


@dataclass(frozen=True)
class Fail:
    """Answer with an HTTP error, for ever or a number of times."""

    status: int
    times: int | None
    message: str


@dataclass(frozen=True)
class UseUp:
    """Use up the limit of the account that asks."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """Break the connection in the middle of the answer: of a streamed one, or of any."""

    is_for_ever: bool = False


Step: TypeAlias = Say | Recall | CallTool | Think | Fail | UseUp | Cut
Turn: TypeAlias = tuple[Step, ...]

_LINE = re.compile(
    r"^(?P<joined>and )?(?:then )?(?P<verb>say|recall|tool|mcp|slow|error|limit|cut)\b:?\s*(?P<rest>.*)$"
)
_LATER = re.compile(r"^(?:then )?later:\s*(?P<line>.*)$")
_ERROR = re.compile(r"^(?P<status>\d{3})(?:\s+x(?P<times>\d+))?\s*(?P<message>.*)$")
_PLACEHOLDER = re.compile(r"\{\{last(?:\.(?P<path>[\w.]+))?\}\}")


def is_script(prompt: str) -> bool:
    """Whether a prompt tells the model what to do."""
    lines = _lines(prompt)
    return bool(lines) and (_LINE.match(lines[0]) is not None or _LATER.match(lines[0]) is not None)


def turns_now(prompt: str) -> list[Turn]:
    """What a prompt asks for at once, one turn per model call."""
    return _turns([line for line in _lines(prompt) if not _LATER.match(line)])


def turns_later(prompt: str) -> list[Turn]:
    """What a prompt asks for when a later one holds no script."""
    return _turns([found["line"] for line in _lines(prompt) if (found := _LATER.match(line))])


def fill_in(text: str, last_result: str, *, inside_json: bool = False) -> str:
    """Replace `{{last}}` and its paths by what the latest tool call brought."""

    def value_of(placeholder: re.Match[str]) -> str:
        value = _part(last_result, placeholder["path"])
        return json.dumps(value)[1:-1] if inside_json else value

    return _PLACEHOLDER.sub(value_of, text)


def arguments_of(step: CallTool, last_result: str) -> JsonObject:
    """The tool's input as an object.

    Errors:  ValueError, if the line holds no JSON object.
    """
    arguments = fill_in(step.arguments, last_result, inside_json=True)
    return read_object(arguments or "{}", f"the input of tool {step.name!r}")


def _lines(prompt: str) -> list[str]:
    return [line.strip() for line in prompt.strip().splitlines() if line.strip()]


def _turns(lines: list[str]) -> list[Turn]:
    turns: list[Turn] = []
    current: list[Step] = []
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        if _ends_with_tool(current) and not found["joined"]:
            turns.append(tuple(current))
            current = []
        current.append(_step(found["verb"], found["rest"]))
    return [*turns, tuple(current)] if current else turns


def _ends_with_tool(steps: list[Step]) -> bool:
    return bool(steps) and isinstance(steps[-1], CallTool)


def _step(verb: str, rest: str) -> Step:
    if verb == "say":
        return Say(rest)
    if verb == "recall":
        return Recall()
    if verb == "slow":
        return Think(float(rest))
    if verb == "limit":
        return UseUp(float(rest))
    if verb == "cut":
        return Cut(is_for_ever=rest == "for ever")
    if verb == "error":
        return _fail(rest)
    name, _, arguments = rest.partition(" ")
    return CallTool(name, arguments.strip())


def _fail(rest: str) -> Fail:
    found = _ERROR.match(rest)
    if not found:
        raise ValueError(f"cannot read the script line 'error: {rest}': expected 'error: STATUS [xN] [TEXT]'")
    times = int(found["times"]) if found["times"] else None
    return Fail(int(found["status"]), times, found["message"] or f"the script asked for status {found['status']}")


def _part(last_result: str, path: str | None) -> str:
    if not path:
        return last_result
    value: Json = json.loads(last_result)
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key] if isinstance(value, dict) else None
    return value if isinstance(value, str) else json.dumps(value)
