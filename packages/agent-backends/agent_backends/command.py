"""The backend `command`: any program is an agent.

The prompt is its standard input (and the file named by AGENT_PROMPT_FILE), what it prints is the result, its exit
status decides. Each line it prints becomes a message at once; what it writes to standard error is shown and, if it
fails, explains why. No output and exit 0 is a failure, `empty_result`, unless the blueprint's options say
`"allow_empty_result": true`: an agent that said nothing has most likely done nothing.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from agent_backends.output_lines import OutputLines
from agent_backends.process_tree import descendants, end_processes
from agent_backends.protocol import Emit, Ending, Message, Outcome, Started, Turn
from runtime_client.reasons import Reason

READ_BYTES = 64 * 1024
ERROR_BYTES = 4 * 1024
STOP_GRACE_SECONDS = 8.0
DRAIN_SECONDS = 1.0


class CommandBackend:
    """Runs the blueprint's command once for each turn."""

    @property
    def name(self) -> str:
        """The word in blueprints."""
        return "command"

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run the program to its end, and leave no process of its group behind."""
        if not turn.blueprint.command:
            return _failed(
                Reason.BACKEND_MISSING,
                f"cannot run agent {turn.blueprint.name!r}: its agent.json names no 'command'",
            )
        with tempfile.TemporaryDirectory(prefix="agent-prompt-") as folder:
            prompt_file = Path(folder) / "prompt.txt"
            prompt_file.write_bytes(turn.prompt.encode("utf-8", errors="replace"))
            try:
                process = await _spawn(turn, prompt_file)
            except (OSError, ValueError) as cause:
                return _failed(Reason.BACKEND_MISSING, _sentence_for_spawn(turn, cause))
            emit(Started(model=turn.blueprint.model))
            return await _Run(turn, process, emit).until_end(stop)


class _Run:
    """One running program: its output is read, its end awaited, its group ended."""

    def __init__(self, turn: Turn, process: Process, emit: Emit) -> None:
        self._turn = turn
        self._process = process
        self._output = OutputLines(lambda line: emit(Message(line)))
        self._errors = b""

    async def until_end(self, stop: asyncio.Event) -> Outcome:
        readers = asyncio.gather(self._read_output(), self._read_errors())
        ended = asyncio.create_task(self._process.wait())
        asked = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
            was_stopped = not ended.done()
            if was_stopped:
                await self._stop(ended)
            # A program that went into the background may hold our pipes open for ever: its group ends with it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(readers), DRAIN_SECONDS)
            self._signal_group(signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(readers, DRAIN_SECONDS)
        finally:
            asked.cancel()
            readers.cancel()
            if not ended.done():
                self._signal_group(signal.SIGKILL)
        return self._outcome(await ended, was_stopped=was_stopped)

    async def _stop(self, ended: "asyncio.Task[int]") -> None:
        # What the program started may have left its group, so it is noted before its parents are gone.
        below = descendants(self._process.pid)
        self._signal_group(signal.SIGTERM)
        await asyncio.wait({ended}, timeout=STOP_GRACE_SECONDS)
        self._signal_group(signal.SIGKILL)
        await asyncio.gather(ended, end_processes(below))

    def _signal_group(self, number: signal.Signals) -> None:
        # The group outlives its leader while any member lives; its number cannot be given away until then.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _read_output(self) -> None:
        assert self._process.stdout is not None
        while content := await self._process.stdout.read(READ_BYTES):
            self._output.feed(content)

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while content := await self._process.stderr.read(READ_BYTES):
            self._errors = (self._errors + content)[-ERROR_BYTES:]
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(content)
                sys.stderr.buffer.flush()

    def _outcome(self, exit_code: int, *, was_stopped: bool) -> Outcome:
        result = self._output.finish()
        agent = self._turn.blueprint.name
        if was_stopped:
            return Outcome(Ending.STOPPED, result_text=result)
        if exit_code > 0:
            return _failed(Reason.NONZERO_EXIT, f"agent {agent!r} exited with {exit_code}{self._last_words()}", result)
        if exit_code < 0:
            return _failed(
                Reason.SIGNAL, f"agent {agent!r} was ended by {_signal_name(-exit_code)}{self._last_words()}", result
            )
        if not result.strip() and self._turn.blueprint.options.get("allow_empty_result") is not True:
            return _failed(
                Reason.EMPTY_RESULT,
                f"agent {agent!r} exited with 0 and printed nothing"
                " (set the option 'allow_empty_result' in its agent.json if that is fine)",
            )
        return Outcome(Ending.COMPLETED, result_text=result)

    def _last_words(self) -> str:
        said = self._errors.decode("utf-8", errors="replace").strip()
        return f": {said}" if said else " and said nothing on standard error"


async def _spawn(turn: Turn, prompt_file: Path) -> Process:
    environment = {
        **turn.environment,
        "AGENT_PROMPT_FILE": str(prompt_file),
        "AGENT_SESSION_NAME": turn.session_name,
        "AGENT_SESSION_ID": turn.session_id,
        "AGENT_RESUMED": "1" if turn.resumed else "0",
    }
    # The file itself is the standard input: a program that reads only a part of it, or nothing, blocks nobody.
    with prompt_file.open("rb") as prompt:
        return await asyncio.create_subprocess_exec(
            *turn.blueprint.command,
            cwd=turn.project_dir,
            env=environment,
            stdin=prompt,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )


def _sentence_for_spawn(turn: Turn, cause: Exception) -> str:
    found = cause.strerror if isinstance(cause, OSError) else str(cause)
    return (
        f"cannot start agent {turn.blueprint.name!r}: command {turn.blueprint.command[0]!r} in"
        f" {str(turn.project_dir)!r}: {found} (check 'command' in its agent.json)"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _failed(reason: Reason, error: str, result: str = "") -> Outcome:
    return Outcome(Ending.FAILED, result_text=result, reason=reason, error=error)
