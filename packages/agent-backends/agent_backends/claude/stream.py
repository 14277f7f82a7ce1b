"""What is said to a running client and what it says, in lines of JSON: the protocol that its SDKs speak.

We speak it ourselves. The SDK for Python takes a second of processor time and 40 MB to load, for the few words of it
that a turn needs. See docs/decisions/0037-a-lean-run.md.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from agent_backends.claude.questions import Questions
from agent_backends.client.process import ClientProcess
from runtime_client.wire import Json, JsonObject

HELLO, INTERRUPT = "hello", "interrupt"
HOOK = "hook"
ASKS = ("can_use_tool", "elicitation")
HOOKED = ("PreToolUse", "PostToolUse", "PostToolUseFailure")


class HelloRefusedError(Exception):
    """The client does not take its first request; the text is its own."""


class Stream:
    """Speaks with one client.

    Shape:   `on_hook` gets the input of each hook as it comes, and decides nothing; `questions` answers what the client
             would ask a person, None if nobody does.
    """

    def __init__(
        self, process: ClientProcess, on_hook: Callable[[JsonObject], None], questions: Questions | None = None
    ) -> None:
        self._process = process
        self._on_hook = on_hook
        self._questions = questions
        self._answering: set[asyncio.Task[None]] = set()
        # Answers and the prompt come from different tasks; a line must stay one line.
        self._writing = asyncio.Lock()

    async def begin(self, prompt: str, *, is_verbatim: bool) -> None:
        """Ask for the hooks and send the prompt, in one breath: the client reads one after the other.

        Errors:  ConnectionError, if it has closed its input.
        """
        hooks: Json = {event: [{"matcher": None, "hookCallbackIds": [HOOK]}] for event in HOOKED}
        words: dict[str, Json] = {"role": "user", "content": prompt}
        said: dict[str, Json] = {"type": "user", "message": words, "parent_tool_use_id": None, "session_id": "default"}
        if is_verbatim:
            said["client_composed"] = True
        await self._write(_request(HELLO, {"subtype": "initialize", "hooks": hooks}), said)

    async def interrupt(self) -> None:
        """Ask for the end of the turn; its result comes as at any end.

        Errors:  ConnectionError, if it has closed its input.
        """
        await self._write(_request(INTERRUPT, {"subtype": "interrupt"}))

    def stop_answering(self) -> None:
        """Let go of what is being asked: the turn is over."""
        for task in self._answering:
            task.cancel()

    async def messages(self) -> AsyncIterator[JsonObject]:
        """What it says, until it has nothing more to say; its requests are answered on the way.

        Errors:  HelloRefusedError.
        """
        async for message in self._process.messages():
            if message.get("type") == "control_request":
                await self._answer(message)
                continue
            if message.get("type") == "control_response":
                _check(_object(message.get("response")))
            yield message

    async def _answer(self, message: JsonObject) -> None:
        request = _object(message.get("request"))
        answer: dict[str, Json] = {"subtype": "success", "request_id": message.get("request_id"), "response": {}}
        if request.get("subtype") == "hook_callback":
            found = _object(request.get("input"))
            self._on_hook(found)
            answer["response"] = self._questions.about_hook(found) if self._questions is not None else {}
        elif request.get("subtype") in ASKS and self._questions is not None:
            # Not waited for here: what else it says goes on meanwhile, other questions too.
            task = asyncio.create_task(self._decide(self._questions, request, answer))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            return
        else:
            del answer["response"]
            answer |= {"subtype": "error", "error": f"nobody answers {request.get('subtype')!r} here"}
        await self._write({"type": "control_response", "response": answer})

    async def _decide(self, questions: Questions, request: JsonObject, answer: dict[str, Json]) -> None:
        answer["response"] = await questions.decide(request)
        with suppress(ConnectionError):  # it has ended meanwhile
            await self._write({"type": "control_response", "response": answer})

    async def _write(self, *lines: JsonObject) -> None:
        async with self._writing:
            await self._process.write("".join(f"{json.dumps(line)}\n" for line in lines))


def _check(response: JsonObject) -> None:
    if response.get("request_id") == HELLO and response.get("subtype") == "error":
        raise HelloRefusedError(str(response.get("error")))


def _request(request_id: str, request: JsonObject) -> JsonObject:
    return {"type": "control_request", "request_id": request_id, "request": request}


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
