"""Run a command in a fork of the keeper, as `posix_spawn` would; standard library only."""

# ruff: noqa: PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeAlias

Fork: TypeAlias = "Callable[[], int | None]"
_STDIN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW
_OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


def run_forked(
    fork: Fork, words: Sequence[str], environment: Mapping[str, str], paths: tuple[str, str], signals: Sequence[int]
) -> int | None:
    """Wait until the command runs in a session of its own; None if there was no fork.

    Shape:   `paths` are those of its input and of both its outputs; `signals` are given back their defaults.
    Errors:  OSError, when it cannot run; ValueError, when it never could.
    """
    argv = [os.fsencode(word) for word in words]
    if any(b"\0" in word for word in argv):
        raise ValueError("embedded null byte")
    heard, say = os.pipe2(os.O_CLOEXEC)
    try:
        pid = fork()
        if pid == 0:
            _become(argv, environment, paths, signals, say)
    finally:
        os.close(say)
        with open(heard, "rb") as answer:
            why = answer.read()  # ends when the command runs
    if pid is not None and why:
        os.waitpid(pid, 0)
        raise OSError(int(why), os.strerror(int(why)))
    return pid


def _become(
    argv: list[bytes], environment: Mapping[str, str], paths: tuple[str, str], signals: Sequence[int], say: int
) -> NoReturn:
    try:
        os.setsid()
        for number in signals:
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.dup2(os.open(paths[0], _STDIN_FLAGS), 0)
        os.dup2(os.open(paths[1], _OUTPUT_FLAGS, 0o600), 1)
        os.dup2(1, 2)
        os.execve(argv[0], argv, environment)  # noqa: S606  (no shell is wanted)
    except OSError as error:
        os.write(say, b"%d" % (error.errno or errno.EINVAL))
    except ValueError:
        os.write(say, b"%d" % errno.EINVAL)
    finally:
        os._exit(127)
