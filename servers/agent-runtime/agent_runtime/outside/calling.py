"""One request to a place outside: its address is looked up once and pinned, and nothing but its status is read.

What comes back may be slow, endless, or a way to somewhere else: all of it together is given so many seconds and so
many bytes, redirects are answers like any other, and no body is read.
"""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from agent_runtime.domain.webhook import Outcome
from agent_runtime.domain.webhook_targets import Place, Targets
from agent_runtime.outside.in_thread import in_thread

HEAD_BYTES_MAX = 16 * 1024
ASKED_SECONDS_MAX = 1e9
"""A target may ask for more than a duration can hold; nobody waits for even this long."""
_INTERIM_MAX = 5
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]{1,80}?)[ \t]*\r\n", re.IGNORECASE)


LookUp: TypeAlias = Callable[[str, int], Sequence[str]]


class _OddAnswerError(Exception):
    """What came back is no answer; its text says what it is."""


@dataclass(frozen=True)
class Request:
    """What is sent, and where."""

    place: Place
    headers: Mapping[str, str]
    body: bytes

    def written(self) -> bytes:
        """Write it as it goes over the line."""
        place = self.place
        own = {"Host": place.host_header, "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = [f"POST {place.path} HTTP/1.1", *(f"{name}: {text}" for name, text in {**own, **self.headers}.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + self.body


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Look a host up; this may take as long as the system likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outside:
    """Calls places that may be called."""

    def __init__(self, targets: Targets, timeout_seconds: float, look_up: LookUp = addresses_of) -> None:
        self._targets = targets
        self._look_up = look_up
        self._timeout_seconds = timeout_seconds
        self._tls: ssl.SSLContext | None = None

    async def post(self, request: Request) -> Outcome:
        """Send a request, and tell what came of it; whatever that is, it is over in time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(request)
        except TimeoutError:
            return Outcome(None, f"no answer within {self._timeout_seconds:g} seconds")
        except ssl.SSLCertVerificationError as error:
            return Outcome(None, f"its certificate does not hold: {error.verify_message}")
        except (OSError, EOFError) as error:
            return Outcome(None, f"cannot be reached: {_why(error)}")
        except (ValueError, _OddAnswerError) as error:
            return Outcome(None, str(error))

    async def _post(self, request: Request) -> Outcome:
        place = request.place
        self._targets.check_host(place.host)
        addresses = await in_thread(lambda: self._look_up(place.host, place.port), "webhook-address")
        for address in addresses:
            # All of them: a name that leads inside by one of its addresses is a trap, or a mistake.
            self._targets.check_address(address, is_encrypted=place.is_encrypted)
        tls = await self._tls_context() if place.is_encrypted else None
        reader, writer = await _connect(addresses, place, tls)
        try:
            writer.write(request.written())
            await writer.drain()
            return await _read_answer(reader)
        finally:
            # Not closed in good order: who sends without an end would be listened to.
            writer.transport.abort()

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await in_thread(ssl.create_default_context, "webhook-tls")
        return self._tls


async def _connect(
    addresses: Sequence[str], place: Place, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    failed: OSError = OSError("it has no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address,
                place.port,
                limit=HEAD_BYTES_MAX,
                ssl=tls,
                server_hostname=place.host if tls is not None else None,
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            failed = error
    raise failed


async def _read_answer(reader: asyncio.StreamReader) -> Outcome:
    for _ in range(_INTERIM_MAX):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise _OddAnswerError(f"the head of its answer is longer than {HEAD_BYTES_MAX} bytes") from error
        except asyncio.IncompleteReadError as error:
            raise _OddAnswerError("it ended the connection without an answer") from error
        found = _STATUS.match(head)
        if found is None:
            raise _OddAnswerError("its answer is not HTTP/1.1")
        status = int(found[1])
        if status >= 200:
            return _outcome(status, head)
    raise _OddAnswerError("it answered that it will answer, again and again")


def _outcome(status: int, head: bytes) -> Outcome:
    outcome = Outcome(status)
    if outcome.is_delivered:
        return outcome
    after = _RETRY_AFTER.search(head)
    why = f"it answered {status}"
    if 300 <= status < 400:
        why += ", and a redirect is not followed (give the URL that it leads to)"
    return Outcome(status, why, _seconds_of(after[1].decode("latin-1")) if after is not None else None)


def _seconds_of(said: str) -> float | None:
    """Read how long a target asks for: seconds, or a moment; None for what is neither."""
    if re.fullmatch(r"[0-9]+", said):
        return min(float(said), ASKED_SECONDS_MAX)
    try:
        moment = parsedate_to_datetime(said)
        asked = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError, TypeError):  # A zone may be written with more digits than any number has.
        return None
    return min(max(0.0, asked), ASKED_SECONDS_MAX)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'it failed'}"
    if isinstance(error, OSError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)  # Loops word it each in their own way.
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
