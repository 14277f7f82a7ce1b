"""The backend `command`: any program is an agent.

The prompt is its standard input (and the file named by AGENT_PROMPT_FILE), what it prints is the result, its exit
status decides. Each line it prints becomes a message at once; what it writes to standard error is shown and, if it
fails, explains why. No output and exit 0 is a failure, `empty_result`, unless the blueprint's options say
`"allow_empty_result": true`: an agent without output has most likely done nothing.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

from agent_backends.blueprint import Bubblewrap
from agent_backends.client.private_files import private_folder
from agent_backends.command.output_lines import OutputLines
from agent_backends.command.sentences import sentence_for_exit, sentence_for_spawn
from agent_backends.printed import Printed
from agent_backends.processes.tree import descendants, end_processes
from agent_backends.protocol import CannotRunError, Emit, Ending, Message, Outcome, Started, Turn
from agent_backends.redaction import RedactedStream
from agent_backends.sandbox.command_prefix import Needs, Prefix, command_prefix
from runtime_client.reasons import Reason
from runtime_client.terminal.plain_text import PassedOn
from runtime_client.wire import UnexpectedAnswerError, only

STDOUT = 1
STDERR = 2
ERROR_BYTES = 4 * 1024
# What goes on to our own output stays so far below the limit, and our last words fit in: a keeper ends who is above it.
OUR_WORDS_BYTES = 64 * 1024
STOP_GRACE_SECONDS = 8.0
OPTIONS = ("allow_empty_result",)
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
            return Outcome.failed(
                Reason.BACKEND_MISSING,
                f"cannot run agent {turn.blueprint.name!r}: its agent.json names no 'command'",
            )
        try:
            only(turn.blueprint.options, OPTIONS, "its 'options'")
        except UnexpectedAnswerError as error:
            sentence = f"cannot run agent {turn.blueprint.name!r}: an option in its agent.json is wrong: {error}"
            return Outcome.failed(Reason.INVALID_PARAMETERS, sentence)
        with private_folder("agent-prompt-") as folder:
            prompt_file = folder / "prompt.txt"
            prompt_file.touch(mode=0o600)
            prompt_file.write_bytes(turn.prompt.encode("utf-8", errors="replace"))
            running = _Run(turn, emit)
            try:
                prefix = await command_prefix(turn, Needs(readable=(folder,)))
                with prefix:
                    process = await _spawn(turn, prefix, prompt_file, running)
            except CannotRunError as cause:
                return cause.outcome
            except (OSError, ValueError) as cause:
                return Outcome.failed(Reason.BACKEND_MISSING, sentence_for_spawn(turn, cause))
            emit(Started(model=turn.blueprint.model))
            return await running.until_end(process, stop)


class _Run(asyncio.SubprocessProtocol):
    """One running program: its output is taken as it comes, its end awaited, its group ended.

    A protocol and no asyncio Process, whose `wait` returns only when everybody has let go of the pipes: a program that
    leaves something in the background would never end.
    """

    def __init__(self, turn: Turn, emit: Emit) -> None:
        self._turn = turn
        self._printed = Printed(turn)
        self._output = OutputLines(lambda line: emit(Message(line)))
        self._shown = {STDOUT: RedactedStream(turn.secrets), STDERR: RedactedStream(turn.secrets)}
        self._errors = b""
        self._room = max(turn.output_limit_bytes - OUR_WORDS_BYTES, turn.output_limit_bytes // 2)
        self._passed_on = {STDOUT: PassedOn(sys.stdout), STDERR: PassedOn(sys.stderr)}
        self._unwritten: str | None = None
        self._open_pipes = {STDOUT, STDERR}
        self._exited = asyncio.Event()
        self._drained = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        # Of what comes until it has ended nothing is kept: it is too much already.
        if not self._printed.is_too_much.is_set():
            self._printed.add(len(data))
            self._take(fd, self._shown[fd].feed(data))

    def _take(self, fd: int, shown: bytes) -> None:
        if fd == STDOUT:
            self._output.feed(shown)
        else:
            self._errors = (self._errors + shown)[-ERROR_BYTES:]
        if fd == STDOUT and not self._turn.is_logged:
            return
        passed, self._room = shown[: self._room], max(0, self._room - len(shown))
        if passed and (error := self._passed_on[fd].write(passed)) is not None:
            where = "standard output" if fd == STDOUT else "standard error"
            self._unwritten = f"cannot write to {where}: {error.strerror}"

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        self._open_pipes.discard(fd)
        if not self._open_pipes:
            self._drained.set()

    def process_exited(self) -> None:
        self._exited.set()

    async def until_end(self, process: asyncio.SubprocessTransport, stop: asyncio.Event) -> Outcome:
        pid = process.get_pid()
        was_stopped = False
        try:
            await _first_of(self._exited, stop, self._printed.is_too_much)
            if not self._exited.is_set():
                was_stopped = stop.is_set()
                await self._stop(pid)
            # What it left in the background may hold our pipes open for ever: its group ends with it.
            await _within(self._drained, DRAIN_SECONDS)
            if not self._drained.is_set():
                _signal_group(pid, signal.SIGKILL)
                await _within(self._drained, DRAIN_SECONDS)
        finally:
            if not self._exited.is_set():
                _signal_group(pid, signal.SIGKILL)
            process.close()
        exit_code = process.get_returncode()
        outcome = self._outcome(0 if exit_code is None else exit_code, was_stopped=was_stopped)
        return replace(outcome, unwritten=self._unwritten, is_printed=self._turn.is_logged)

    async def _stop(self, pid: int) -> None:
        # What the program started may have left its group, so it is noted before its parents are gone.
        below = descendants(pid)
        _signal_group(pid, signal.SIGTERM)
        await _within(self._exited, STOP_GRACE_SECONDS)
        if not self._exited.is_set():
            _signal_group(pid, signal.SIGKILL)
        await asyncio.gather(self._exited.wait(), end_processes(below))

    def _outcome(self, exit_code: int, *, was_stopped: bool) -> Outcome:
        for fd, stream in self._shown.items():
            self._take(fd, stream.finish())
        result = self._output.finish()
        agent = self._turn.blueprint.name
        if self._printed.is_too_much.is_set():
            return self._printed.outcome(result)
        if was_stopped:
            return Outcome(Ending.STOPPED, result_text=result)
        if exit_code:
            reason = Reason.NONZERO_EXIT if exit_code > 0 else Reason.SIGNAL
            failed = Outcome.failed(reason, sentence_for_exit(agent, exit_code, self._last_words()), result)
            return replace(failed, exit_code=exit_code) if exit_code > 0 else replace(failed, signal=-exit_code)
        if not result.strip() and self._turn.blueprint.options.get("allow_empty_result") is not True:
            return Outcome.failed(
                Reason.EMPTY_RESULT,
                f"agent {agent!r} exited with 0 and printed nothing"
                " (set the option 'allow_empty_result' in its agent.json if that is fine)",
            )
        return Outcome(Ending.COMPLETED, result_text=result)

    def _last_words(self) -> str:
        return self._errors.decode("utf-8", errors="replace").strip()


async def _spawn(turn: Turn, prefix: Prefix, prompt_file: Path, running: _Run) -> asyncio.SubprocessTransport:
    program = turn.blueprint.command[0]
    if isinstance(turn.blueprint.sandbox, Bubblewrap) and not shutil.which(program, path=turn.environment.get("PATH")):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    environment = {
        **turn.environment,
        "AGENT_PROMPT_FILE": str(prompt_file),
        "AGENT_SESSION_NAME": turn.session_name,
        "AGENT_SESSION_ID": turn.session_id,
        "AGENT_RESUMED": "true" if turn.resumed else "false",
    }
    # The file itself is the standard input: a program that reads only a part of it, or nothing, blocks nobody.
    with prompt_file.open("rb") as prompt:
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: running,
            *prefix.words,
            *turn.blueprint.command,
            cwd=turn.working_folder,
            pass_fds=prefix.descriptors,
            env=environment,
            stdin=prompt,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    return transport


def _signal_group(pid: int, number: signal.Signals) -> None:
    # Called only while something of the group is known to live: an empty group's number may be somebody else's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
