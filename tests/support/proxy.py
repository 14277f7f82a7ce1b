"""A network between launcher and runtime that can be told to fail: at which request, how, and how often."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from enum import Enum

from support.http_messages import Message, NotHttpError, read_answer, read_request


class Kind(Enum):
    """The ways in which a request can go wrong."""

    DELAY = "the request arrives later"
    DROP_REQUEST = "the connection ends before the request arrives"
    DROP_ANSWER = "the request is carried out, and the connection ends before its answer"
    CUT_ANSWER = "only the first bytes of the answer arrive"
    HALF_CLOSE = "the answer is complete, then our side says no more while it goes on listening"
    BLACK_HOLE = "nothing ever answers"
    DUPLICATE = "the request arrives twice"
    REPLACE = "somebody else answers"


@dataclass(frozen=True)
class Fault:
    """One way to fail, with its measure."""

    kind: Kind
    seconds: float = 0.0
    bytes_kept: int = 0
    answer: bytes = b""


def proxy_page(status: int = 502) -> Fault:
    """What a company's proxy answers: a page that is no answer of ours."""
    page = b"<html><body><h1>Bad Gateway</h1></body></html>"
    head = f"HTTP/1.1 {status} Proxy\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
    return Fault(Kind.REPLACE, answer=head.encode() + page)


@dataclass
class Rule:
    """Which requests a fault hits, and how many of them; `hits` counts what it did."""

    fault: Fault
    method: str = ""
    path: str = ""
    times: int | None = 1
    hits: int = field(default=0)

    def takes(self, request: Message) -> bool:
        """Whether this request is one of them and the rule is not used up; counts it if so."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method not in ("", request.method) or not re.search(self.path, request.target):
            return False
        self.hits += 1
        return True


class ChaosProxy:
    """A small HTTP-aware TCP proxy in a thread of its own; without rules it is transparent."""

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.upstream_port = upstream_port
        self.port = port
        self.requests: list[str] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address to give to the launcher in place of the runtime's."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "ChaosProxy":
        self._thread.start()
        self.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def fail(self, fault: Fault, *, method: str = "", path: str = "", times: int | None = 1) -> Rule:
        """From now on, do this to requests that match; the first rule that takes a request wins."""
        rule = Rule(fault, method, path, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """Forget all rules; what hangs goes on hanging until `cut_all`."""
        with self._lock:
            self._rules.clear()

    def accept(self) -> None:
        """Listen, on the same port as before."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Stop listening and end all connections: the machine is there, nobody answers."""
        self._run(self._close())

    def cut_all(self) -> None:
        """End all connections at once; new ones are welcome."""
        self._run(self._cut())

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """No connection, old or new, for the length of the block."""
        self.refuse()
        try:
            yield
        finally:
            self.accept()

    def _run(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port, limit=2**24)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(reader, writer, self.upstream_port, self._fault_for)
        try:
            await connection.serve()
        except (OSError, NotHttpError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # However a connection ends here, the test asked for it or a side went away; both are everyday.
            pass
        finally:
            connection.abort()
            self._connections.discard(task)

    def _fault_for(self, request: Message) -> Fault | None:
        with self._lock:
            self.requests.append(f"{request.method} {request.target}")
            return next((rule.fault for rule in self._rules if rule.takes(request)), None)


class _Connection:
    """One client's connection, with one of its own to the runtime behind it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_port: int,
        fault_for: Callable[[Message], Fault | None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._upstream_port = upstream_port
        self._fault_for = fault_for
        self._upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self) -> None:
        """Carry requests and answers until a side, or a fault, ends it."""
        while (request := await read_request(self._reader)) is not None:
            fault = self._fault_for(request)
            if not await self._carry(request, fault):
                return

    def abort(self) -> None:
        """Close both sides without a goodbye."""
        self._writer.transport.abort()
        if self._upstream is not None:
            self._upstream[1].transport.abort()

    async def _carry(self, request: Message, fault: Fault | None) -> bool:
        kind = fault.kind if fault else None
        if fault and not await self._before(request, fault):
            return False
        if fault and kind is Kind.REPLACE:
            return await self._give(fault.answer)
        answer = await self._ask_while_wanted(request)
        if kind is Kind.DROP_ANSWER:
            return False
        if fault and kind is Kind.CUT_ANSWER:
            await self._give(answer.raw[: fault.bytes_kept])
            return False
        await self._give(answer.raw)
        if kind is Kind.HALF_CLOSE:
            self._writer.write_eof()
            await self._reader.read()
            return False
        return await self._stream_the_rest() if answer.is_endless else True

    async def _before(self, request: Message, fault: Fault) -> bool:
        if fault.kind is Kind.DROP_REQUEST:
            return False
        if fault.kind is Kind.BLACK_HOLE:
            await asyncio.get_running_loop().create_future()
        if fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.seconds)
        if fault.kind is Kind.DUPLICATE:
            await self._ask(request)
        return True

    async def _ask_while_wanted(self, request: Message) -> Message:
        """The runtime must see that a client went away in the middle of a long poll, so both sides are watched."""
        asking = asyncio.ensure_future(self._ask(request))
        leaving = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ConnectionResetError("the client closed before its answer came")
            return asking.result()
        finally:
            for task in (asking, leaving):
                task.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)

    async def _ask(self, request: Message) -> Message:
        if self._upstream is None:
            self._upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port, limit=2**24)
        reader, writer = self._upstream
        writer.write(request.raw)
        await writer.drain()
        return await read_answer(reader)

    async def _give(self, raw: bytes) -> bool:
        self._writer.write(raw)
        await self._writer.drain()
        return True

    async def _stream_the_rest(self) -> bool:
        assert self._upstream is not None
        while part := await self._upstream[0].read(65536):
            await self._give(part)
        return False
