"""What all `ao-*` commands share: data on standard output, sentences on standard error, one exit status."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, NoReturn, TextIO

from runtime_client.address import find_runtime
from runtime_client.client import RuntimeClient
from runtime_client.configured import configured
from runtime_client.errors import CannotPrintError, RuntimeClientError, UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument, CommandLine, Flag
from runtime_client.terminal.output import is_terminal, write
from runtime_client.terminal.plain_text import PassedOn, indented, json_shown, shown
from runtime_client.wire import Json

PROMPT_BYTES_MAX = 8 * 1024 * 1024

SessionArgument = Annotated[str, Argument("NAME", "A session's name or id.", completes="session")]
SessionsArgument = Annotated[
    list[str], Argument("NAME...", "Names or ids of sessions.", is_list=True, completes="session")
]
YesOption = Annotated[bool, Flag("--yes", "Do not ask first.")]
JsonOption = Annotated[bool, Flag("--json", "Print JSON.")]


def run(main: Callable[..., int], arguments: Mapping[str, object] | None = None) -> NoReturn:
    """Run a command's function with the arguments of this process, and exit with what it returns.

    Shape:   `arguments` are those of this process if somebody has read them already.
    """
    _speak_utf8()
    try:
        if arguments is None:
            arguments = CommandLine(called_as(), main).read(sys.argv[1:])
        code = main(**arguments)
    except RuntimeClientError as error:
        _complain(error, as_json=bool(arguments and arguments.get("as_json")))
        code = error.exit_code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        code = ExitCode.SUCCESS  # whoever read our output has had enough
    sys.exit(int(code))


def connect(environment: Mapping[str, str] | None = None) -> RuntimeClient:
    """Return a client of the runtime that the environment names, this process's by default, or else the user's file.

    Errors:  UsageError.
    """
    return RuntimeClient(find_runtime(configured(os.environ if environment is None else environment)))


def warn(sentence: str) -> None:
    """Say something to the person at the terminal, if there is one; where it cannot be written, nobody hears it."""
    say(sentence)


def say(sentence: str) -> OSError | None:
    """Say the same; return what kept it from being written."""
    return _write_text(sys.stderr, f"{called_as()}: {indented(sentence)}\n")


def print_text(text: str) -> None:
    """Print data for a person, with a line's end; a terminal shows its control characters, a pipe gets them.

    Errors:  BrokenPipeError, if the reader has had enough; CannotPrintError.
    """
    if text:
        seen = shown(text) if is_terminal(sys.stdout) else text
        _raise(_write_text(sys.stdout, seen if seen.endswith("\n") else f"{seen}\n"))


def print_pieces(pieces: Iterable[bytes]) -> None:
    """Print what a program wrote, as it comes; a terminal shows its control characters, a pipe gets the bytes.

    Errors:  BrokenPipeError, if the reader has had enough; CannotPrintError.
    """
    passed_on = PassedOn(sys.stdout)
    for piece in pieces:
        _raise(passed_on.write(piece))


def print_json(value: Json) -> None:
    """Print data for a program, on one line.

    Errors:  BrokenPipeError, if the reader has had enough; CannotPrintError.
    """
    _raise(_write_text(sys.stdout, f"{json_shown(json.dumps(value, ensure_ascii=False))}\n"))


def _write_text(stream: TextIO, text: str) -> OSError | None:
    return write(stream, text.encode("utf-8", errors="replace"))


def _raise(error: OSError | None) -> None:
    """Raise what kept data from being printed, if anything did."""
    if isinstance(error, BrokenPipeError):
        raise error
    if error is not None:
        raise CannotPrintError(f"cannot write to standard output: {error.strerror}") from error


def read_prompt(given: str | None, stdin: TextIO) -> str:
    """Return the prompt of an option, else all of standard input.

    Errors:  UsageError, if there is none, or it is empty, too long, no UTF-8, or has a NUL in it.
    """
    if given is None:
        if stdin.isatty():
            raise UsageError("no prompt: expected --prompt TEXT or the prompt on standard input")
        content = stdin.buffer.read(PROMPT_BYTES_MAX + 1)
    else:
        content = os.fsencode(given)
    return _checked_prompt(content)


def read_labels(pairs: list[str]) -> dict[str, str]:
    """Return labels from their `key=value` form.

    Errors:  UsageError.
    """
    labels: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"cannot read label {pair!r}: expected KEY=VALUE")
        labels[key] = value
    return labels


def _checked_prompt(content: bytes) -> str:
    if len(content) > PROMPT_BYTES_MAX:
        raise UsageError(f"the prompt is too long: expected at most {PROMPT_BYTES_MAX} bytes")
    try:
        prompt = content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise UsageError(f"cannot read the prompt: expected UTF-8, found byte {content[cause.start]:#04x}") from cause
    if "\0" in prompt:
        raise UsageError("cannot use the prompt: expected text, found a NUL character (is it a binary file?)")
    if not prompt.strip():
        raise UsageError("the prompt is empty: expected --prompt TEXT or the prompt on standard input")
    return prompt


def _complain(error: RuntimeClientError, *, as_json: bool) -> None:
    if as_json:
        _write_text(sys.stderr, f"{json.dumps({'detail': str(error), 'code': error.code})}\n")
    else:
        warn(str(error))


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A line goes out when it is written: both streams end in one log, which is to be in order.
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)


def called_as() -> str:
    """Return the name of the command, as it was called: `ao-start`, or `ao start`."""
    return os.path.basename(sys.argv[0]) or "ao"  # noqa: PTH119 - a name, not a path
