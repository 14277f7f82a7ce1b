"""The JSON in what an agent said last, and whether it is what its job asked for."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass

from runtime_client.wire import Json, JsonObject

# The runtime takes events of up to 1 MiB, and the words around it have their place there too.
OUTPUT_BYTES_MAX = 128 * 1024
CHECK_SECONDS = 10.0
_FENCED = re.compile(r"^```[^\n`]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Output:
    """What was found.

    Shape:   `wrong` says in one sentence why it is not what was asked for, None if it is.
    """

    value: Json = None
    wrong: str | None = None


async def output_of(text: str, schema: JsonObject) -> Output:
    """Find the value: all of the text, or the last block of code in it; and check it."""
    fenced = _FENCED.findall(text)
    found = _read(text.strip())
    if found.wrong is not None and fenced:
        found = _read(fenced[-1].strip())
    if found.wrong is not None:
        return found
    wrong = await _check(schema, found.value)
    return found if wrong is None else Output(wrong=wrong)


def _read(text: str) -> Output:
    if not text:
        return Output(wrong="it is empty")
    try:
        value: Json = json.loads(text, parse_constant=_refuse)
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        return Output(wrong=f"it is not JSON: {' '.join(str(error).split())[:200] or type(error).__name__}")
    if size > OUTPUT_BYTES_MAX:
        return Output(wrong=f"it is larger than {OUTPUT_BYTES_MAX} bytes")
    return Output(value)


def _refuse(name: str) -> Json:
    raise ValueError(f"{name!r} is not a number of JSON")


async def _check(schema: JsonObject, value: Json) -> str | None:
    question = json.dumps({"schema": schema, "value": value}).encode()
    # In a process of its own, which can be ended: a pattern may take until the end of time.
    words = (sys.executable, "-I", "-m", "agent_backends.turn.output_check")
    checking = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            answer, _ = await checking.communicate(question)
    except TimeoutError:
        return (
            f"it could not be checked within {CHECK_SECONDS:g} seconds (its schema may have a pattern that takes long)"
        )
    finally:
        if checking.returncode is None:
            checking.kill()
            await checking.wait()
    try:
        wrong = json.loads(answer)
    except ValueError:
        return f"it could not be checked: the check ended with {checking.returncode}"
    return None if wrong is None else str(wrong)
