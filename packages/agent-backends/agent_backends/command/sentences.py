"""Why an agent's program could not be started or did not end well, in the words that lead to the cause."""

import errno
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from agent_backends.protocol import Turn

_HINTS: Mapping[int, str] = {
    126: "the shell found a program that it could not run",
    127: "a shell or 'env' did not find a program",
    128 + signal.SIGKILL: "a process of it was killed from outside, most often because the memory ran out",
    128 + signal.SIGSEGV: "a process of it crashed",
}
_KILLED = "killed from outside, most often because the memory ran out"


def sentence_for_spawn(turn: Turn, cause: Exception) -> str:
    """Say why the program could not be started."""
    program = turn.blueprint.command[0]
    found = _why(program, turn, cause) if isinstance(cause, OSError) else str(cause)
    return (
        f"cannot start agent {turn.blueprint.name!r}: command {program!r} in {str(turn.project_dir)!r}: {found}"
        " (check 'command' in its agent.json)"
    )


def sentence_for_exit(agent: str, exit_code: int, last_words: str) -> str:
    """Say how the program ended: with a status other than 0, or negative for a signal."""
    said = f": {last_words}" if last_words else " and said nothing on standard error"
    if exit_code >= 0:
        hint = _HINTS.get(exit_code)
        return f"agent {agent!r} exited with {exit_code}{said}{f' ({hint})' if hint else ''}"
    hint = f" ({_KILLED})" if -exit_code == signal.SIGKILL else ""
    return f"agent {agent!r} was ended by {_signal_name(-exit_code)}{said}{hint}"


def _why(program: str, turn: Turn, cause: OSError) -> str:
    path = shutil.which(program, path=turn.environment.get("PATH")) if "/" not in program else None
    at = turn.project_dir / (path or program)
    if cause.errno == errno.ENOENT and at.is_file():
        return _interpreter(at)
    if cause.errno == errno.ENOENT and "/" not in program:
        return "there is no program of that name on the PATH"
    if cause.errno == errno.ENOENT:
        return "there is no such file"
    if cause.errno == errno.EACCES and at.is_dir():
        return "it is a folder, and a program is needed"
    if cause.errno == errno.EACCES:
        return "it is not executable (chmod +x it)"
    if cause.errno == errno.ENOEXEC:
        return "it is neither a program nor a script with a '#!' line"
    return cause.strerror or os.strerror(cause.errno or 0)


def _interpreter(script: Path) -> str:
    try:
        with script.open("rb") as file:
            first = file.readline(512).decode("utf-8", "replace")
    except OSError:
        return "its interpreter is not there"
    if first.endswith("\r\n"):
        return "its lines end as on Windows, so its interpreter is not found (save it with Unix line ends)"
    words = first[2:].split() if first.startswith("#!") else []
    return f"its interpreter {words[0]!r} is not there" if words else "the loader that it names is not there"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
