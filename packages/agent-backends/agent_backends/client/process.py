"""One process of a client: lines of JSON in and out, and an end that nothing survives."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress

from agent_backends.printed import Printed
from agent_backends.processes.tree import ProcessKey, descendants, end_processes, processes_marked
from agent_backends.sandbox.command_prefix import Prefix
from runtime_client.wire import Json, JsonObject

# A tool's whole output comes in one line, pictures included.
LINE_BYTES_MAX = 64 * 1024 * 1024
STDERR_BYTES_KEPT = 4 * 1024
# Claude Code writes its transcript to disk after its input has ended; a resume needs that.
LEAVE_BY_ITSELF_SECONDS = 5.0
OBEY_SIGTERM_SECONDS = 3.0
# What it has left behind may hold its pipes open for ever.
DRAIN_SECONDS = 1.0


class ClientProcess:
    """A running client; knows how to talk to it and how to end it with everything that it started.

    Its shell tools run in sessions of their own, out of reach of any signal to its group, so the whole tree below it
    is written down before it ends, and what is left of that afterwards is ended too.
    """

    def __init__(self, process: Process, streams: "_Streams", printed: Printed, *, is_wrapped: bool = False) -> None:
        assert process.stdin is not None  # all three are pipes
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._streams, self._exited = streams, streams.exited
        self._is_wrapped = is_wrapped
        self._stdin, self._stdout = process.stdin, process.stdout
        self._printed = printed
        self._last_words = b""
        self._stderr_reader = asyncio.create_task(self._read_stderr(process.stderr))
        self._closer = asyncio.create_task(self._close_after_exit())
        self._marker: str | None = None

    @classmethod
    async def start(
        cls,
        prefix: Prefix,
        command: Sequence[str],
        folder: str,
        environment: Mapping[str, str],
        printed: Printed,
    ) -> "ClientProcess":
        """Start the client in the project's folder, in the sandbox of the prefix if it is one.

        Errors:  OSError, if it cannot be started.
        """
        # A session of its own: Ctrl+C and the launcher's SIGTERM reach the host alone, which stops the agent in order.
        loop = asyncio.get_running_loop()
        transport, streams = await loop.subprocess_exec(
            lambda: _Streams(loop),
            *prefix.words,
            *command,
            cwd=folder,
            pass_fds=prefix.descriptors,
            env=dict(environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
        process = Process(transport, streams, loop)
        return cls(process, streams, printed, is_wrapped=bool(prefix.words))

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode

    @property
    def last_words(self) -> str:
        """The last lines of its standard error."""
        return self._last_words.decode(errors="replace").strip()

    def mark_tools_by(self, marker: str) -> None:
        """Set which `NAME=value` in a process's environment says that this client started it."""
        self._marker = marker

    async def write(self, text: str) -> None:
        """Write to its standard input.

        Errors:  ConnectionError, if it has closed that.
        """
        self._stdin.write(text.encode())
        await self._stdin.drain()

    async def messages(self, other_line: Callable[[bytes], None] | None = None) -> AsyncIterator[JsonObject]:
        """Its messages, one for each line of JSON, until it closes its standard output or has printed too much.

        What is no message is handed to `other_line`, or dropped.
        """
        while line := await self._next_line():
            self._printed.add(len(line))
            if (message := _message_in(line)) is not None:
                yield message
            elif other_line is not None:
                other_line(line)

    async def _next_line(self) -> bytes:
        try:
            return await self._stdout.readline()
        except ValueError:  # no end of a line within LINE_BYTES_MAX
            self._printed.is_too_much.set()
            return b""

    async def wait_for_exit(self) -> int:
        """Wait until it has ended and its last words are read; return its exit code."""
        await self._exited.wait()
        await self._stderr_reader
        exit_code = self._process.returncode
        assert exit_code is not None  # known before it is told
        return exit_code

    def close_input(self) -> None:
        """End its standard input, which asks it to leave."""
        self._stdin.close()

    def ask_to_leave(self) -> None:
        """Send it SIGTERM, if it still runs."""
        if self._process.returncode is None:
            self._signal(terminate=True)

    async def end(self, leave_seconds: float = LEAVE_BY_ITSELF_SECONDS) -> None:
        """Ask it to leave, then SIGTERM, then SIGKILL, and the same for all that it left behind; twice is harmless."""
        left_behind = set(descendants(self._process.pid)) if self._process.returncode is None else set()
        self.close_input()
        if not await self._has_left_within(leave_seconds):
            left_behind |= set(descendants(self._process.pid))
            self._signal(terminate=True)
            if not await self._has_left_within(OBEY_SIGTERM_SECONDS):
                self._signal(terminate=False)
                await self._exited.wait()
        await end_processes(left_behind | self._marked())
        for task in (self._closer, self._stderr_reader):
            task.cancel()
        await asyncio.gather(self._closer, self._stderr_reader, return_exceptions=True)
        self._streams.let_go()
        with suppress(ConnectionError):
            await self._stdin.wait_closed()

    async def _has_left_within(self, seconds: float) -> bool:
        # Its output is read on, or a client that still has much to say would never come to its end.
        draining = asyncio.create_task(self._drain_output())
        try:
            await asyncio.wait_for(self._exited.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            draining.cancel()
            with suppress(asyncio.CancelledError):
                await draining
        return True

    async def _drain_output(self) -> None:
        with suppress(RuntimeError):  # somebody else is reading it already, which is as good
            while await self._stdout.read(65536):
                pass

    def _signal(self, *, terminate: bool) -> None:
        if terminate and self._is_wrapped:
            # The sandbox does not hear it, so that the client in it has time to leave.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            return
        with suppress(ProcessLookupError):
            (self._process.terminate if terminate else self._process.kill)()

    def _marked(self) -> set[ProcessKey]:
        return set(processes_marked(self._marker)) if self._marker else set()

    async def _close_after_exit(self) -> None:
        await self._exited.wait()
        await asyncio.sleep(DRAIN_SECONDS)
        self._streams.close_outputs()

    async def _read_stderr(self, stderr: asyncio.StreamReader) -> None:
        # By pieces: what it complains of may have no line's end.
        while piece := await stderr.read(65536):
            self._printed.add(len(piece))
            self._last_words = (self._last_words + piece)[-STDERR_BYTES_KEPT:]


class _Streams(SubprocessStreamProtocol):
    """Tells of the client's own end: asyncio's `wait` also waits until everybody has let go of the pipes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=LINE_BYTES_MAX, loop=loop)
        self.exited = asyncio.Event()
        self._is_closed = False
        self._pipes: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipes = transport
        super().connection_made(transport)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        if not self._is_closed:
            super().pipe_data_received(fd, data)

    def close_outputs(self) -> None:
        """End what is read of it here; what comes later is dropped."""
        self._is_closed = True
        for output in (self.stdout, self.stderr):
            if output is not None:
                output.feed_eof()

    def let_go(self) -> None:
        """Let go of its pipes."""
        if self._pipes is not None:
            self._pipes.close()

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()


def _message_in(line: bytes) -> JsonObject | None:
    try:
        message: Json = json.loads(line)
    except (ValueError, RecursionError):
        # A debugging line of the client's, or its last message, cut off by its death.
        return None
    return message if isinstance(message, dict) else None
