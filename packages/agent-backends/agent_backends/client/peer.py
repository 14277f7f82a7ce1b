"""JSON-RPC over a client's lines: our requests and its answers, its requests and our answers, and notifications."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from runtime_client.wire import Json, JsonObject

METHOD_NOT_FOUND = -32601


@dataclass
class RefusedByPeerError(Exception):
    """The other side answered a request with an error; or we answer one of its requests so.

    Shape:   `code` is one of JSON-RPC's or the protocol's own; `content` is what the error carries as `data`.
    """

    code: int
    message: str
    content: Json = None

    def __str__(self) -> str:
        """Say it as the other side did."""
        return self.message


class GoneError(Exception):
    """The other side has closed its output, so nothing that is not answered yet ever will be."""


class Lines(Protocol):
    """What messages travel on, one on each line."""

    def messages(self) -> AsyncIterator[JsonObject]:
        """Its messages, until there will be no more."""
        ...

    async def write(self, text: str) -> None:
        """Write one or more whole lines to it."""
        ...


class Side(Protocol):
    """Our side of the talk: what the other side may ask for, and what it may tell."""

    async def asked(self, method: str, params: JsonObject) -> Json:
        """Answer a request.

        Errors:  RefusedByPeerError, which the other side is answered with.
        """
        ...

    def told(self, method: str, params: JsonObject) -> None:
        """Take a notification."""
        ...


class Peer:
    """The other side of a talk; notifications are taken in order, and before the answer that follows them."""

    def __init__(self, lines: Lines, side: Side) -> None:
        self._lines = lines
        self._side = side
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._asked = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._is_gone = False

    async def listen(self) -> None:
        """Take what it says until it has closed its output."""
        try:
            async for message in self._lines.messages():
                self._take(message)
        finally:
            self._is_gone = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(GoneError())
            for task in self._answering:
                task.cancel()

    async def request(self, method: str, params: JsonObject) -> JsonObject:
        """Ask for something and wait for the answer; one that is no object counts as an empty one.

        Errors:  RefusedByPeerError; GoneError.
        """
        if self._is_gone:
            raise GoneError
        self._asked += 1
        number = self._asked
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._say({"id": number, "method": method, "params": params})
            found = await answer
        finally:
            del self._waiting[number]
        return found if isinstance(found, Mapping) else {}

    async def notify(self, method: str, params: JsonObject | None = None) -> None:
        """Tell it something, if it still listens."""
        with suppress(GoneError):
            await self._say({"method": method, **({} if params is None else {"params": params})})

    def _take(self, message: JsonObject) -> None:
        method, number = message.get("method"), message.get("id")
        params = message.get("params")
        given = params if isinstance(params, Mapping) else {}
        if not isinstance(method, str):
            self._take_answer(message)
        elif number is None:
            self._side.told(method, given)
        else:
            task = asyncio.create_task(self._answer(number, method, given))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def _take_answer(self, message: JsonObject) -> None:
        number = message.get("id")
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        # An answer to nothing, or a second one, is the other side's slip and changes nothing.
        if waiting is None or waiting.done():
            return
        error = message.get("error")
        if isinstance(error, Mapping):
            waiting.set_exception(_refusal(error))
        else:
            waiting.set_result(message.get("result"))

    async def _answer(self, number: Json, method: str, params: JsonObject) -> None:
        answer: dict[str, Json]
        try:
            answer = {"result": await self._side.asked(method, params)}
        except RefusedByPeerError as refusal:
            answer = {"error": {"code": refusal.code, "message": refusal.message}}
        with suppress(GoneError):
            await self._say({"id": number, **answer})

    async def _say(self, message: JsonObject) -> None:
        try:
            await self._lines.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        except ConnectionError as cause:
            raise GoneError from cause


def _refusal(error: JsonObject) -> RefusedByPeerError:
    code, message = error.get("code"), error.get("message")
    return RefusedByPeerError(
        code if isinstance(code, int) else 0,
        message if isinstance(message, str) and message else "no explanation",
        error.get("data"),
    )
