"""Reads one HTTP/1.1 message from a stream, as raw bytes with the little that the proxy must know."""

import asyncio
from dataclasses import dataclass


class NotHttpError(Exception):
    """The bytes on the wire are no HTTP/1.1 message that we understand."""


@dataclass(frozen=True)
class Message:
    """A request or an answer: its first line in parts, and all its bytes."""

    first_line: tuple[str, str, str]
    raw: bytes
    is_endless: bool = False

    @property
    def method(self) -> str:
        """A request's method."""
        return self.first_line[0]

    @property
    def target(self) -> str:
        """A request's path and query."""
        return self.first_line[1]


async def read_request(reader: asyncio.StreamReader) -> Message | None:
    """The next request, or None when the client has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first_line, headers = _parse(head)
    return Message(first_line, head + await _body(reader, headers))


async def read_answer(reader: asyncio.StreamReader) -> Message:
    """The next answer; of an event stream only the head, because it never ends."""
    head = await reader.readuntil(b"\r\n\r\n")
    first_line, headers = _parse(head)
    if headers.get("content-type", "").startswith("text/event-stream"):
        return Message(first_line, head, is_endless=True)
    if first_line[1] in {"204", "304"}:
        return Message(first_line, head)
    return Message(first_line, head + await _body(reader, headers))


def _parse(head: bytes) -> tuple[tuple[str, str, str], dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2:
        raise NotHttpError(first)
    pairs = (line.partition(":") for line in rest if line)
    return (parts[0], parts[1], parts[2] if len(parts) > 2 else ""), {
        name.lower(): text.strip() for name, _, text in pairs
    }


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        return await _chunks(reader)
    return await reader.readexactly(int(headers.get("content-length", "0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    raw = b""
    while True:
        size_line = await reader.readuntil(b"\r\n")
        size = int(size_line.split(b";")[0], 16)
        raw += size_line + await reader.readexactly(size + 2)
        if size == 0:
            return raw
