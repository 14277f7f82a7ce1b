"""Begin a process inside a cgroup with its first breath; standard library only.

To move a process into a cgroup, as a write to `cgroup.procs` does, waits until every processor was seen to rest once:
5 to 20 ms on a machine where nobody moved anything just before. A process that is cloned into its cgroup waits for
nothing. See docs/decisions/0039-the-way-to-a-start.md.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import sys
from functools import cache

_CLONE3 = 435  # the same number on every architecture
_CLONE_INTO_CGROUP = 1 << 33
_BUSY = (errno.EAGAIN, errno.ENOMEM)


class _CloneArguments(ctypes.Structure):
    """The kernel's `struct clone_args` as of Linux 5.7."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    )


def fork_into(cgroup: str) -> int | None:
    """Fork a process that has only one thread; the child begins in a cgroup and must only exec or `_exit`.

    Shape:   the child's number, 0 in the child itself; None where the kernel does not do this.
    Errors:  OSError, when the machine has no process to give.
    """
    try:
        folder = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return fork_into_folder(folder)
    finally:
        os.close(folder)


def fork_into_folder(folder: int) -> int | None:
    """Do the same for a cgroup that is open; the child may fork too, which gives it a whole process."""
    return _clone(_CloneArguments(flags=_CLONE_INTO_CGROUP, exit_signal=signal.SIGCHLD, cgroup=folder))


def can_fork_into(cgroup: str) -> bool:
    """Find out by doing it: kernels before 5.7 and many sandboxes refuse."""
    if sys.platform != "linux" or platform.python_implementation() != "CPython":
        return False
    try:
        pid = fork_into(cgroup)
    except OSError:
        return False
    if pid == 0:
        os._exit(0)
    if pid is not None:
        # Whoever asks may have threads: then the child can wait for one of them, which it does not have, for ever.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return pid is not None


def _clone(arguments: _CloneArguments) -> int | None:
    # With the interpreter's lock held: the child goes on as its only thread.
    pid = int(_library().syscall(_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments)))
    if pid >= 0:
        return pid
    if (code := ctypes.get_errno()) in _BUSY:
        raise OSError(code, os.strerror(code))
    return None


@cache
def _library() -> ctypes.PyDLL:
    # Once for each process: it is a class of its own, which a warm parent, that collects no garbage, would never lose.
    return ctypes.PyDLL(None, use_errno=True)
