"""One attempt's process as the mission's supervisor sees it: `pid`, `poll()`, `returncode`; behind it a shim."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading

from lib import process_tree
from lib.errors import AttemptAlreadyHere, SpawnFailed
from lib.log_upload import LogCursor
from lib.models import integer_of
from lib.run_directory import RunDirectory, ShimIdentity
from lib.run_files import BUSY, FAILED, GO, LOCKED

SHIM_UP_SECONDS = 20.0
_HAS_PIDFDS = hasattr(os, "pidfd_open")


class JobProcess:
    """A handle on a shim, fresh (it waits at its gate) or adopted (its launcher is gone).

    We are never the shim's parent, so nothing is waited for: an end is seen by the gate's closing or by the
    shim's pidfd, and read from the run directory.
    """

    def __init__(self, run: RunDirectory, gate: socket.socket | None = None) -> None:
        self.run = run
        self.returncode: int | None = None
        self.log = LogCursor()
        self.is_dropped = False
        self.is_under_way = gate is None
        self._gate = gate
        self._pidfd = None if gate is not None else _open_pidfd(run)
        self._is_closed = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The shim's process number, for people to read; never used to signal."""
        identity = self.run.shim_identity()
        return identity.pid if identity is not None else None

    def fileno(self) -> int | None:
        """A descriptor that becomes readable when the attempt is over; None where only looking helps."""
        if self._gate is not None:
            return self._gate.fileno()
        return self._pidfd

    def wait_until_locked(self) -> None:
        """Wait until the shim stands at its gate.

        Errors:  SpawnFailed, if it did not come up; AttemptAlreadyHere, if another shim has the lock.
        """
        if self._gate is None:
            raise SpawnFailed("cannot start an adopted attempt again")
        self._gate.settimeout(SHIM_UP_SECONDS)
        try:
            said = self._gate.recv(1024)
        except (TimeoutError, OSError) as error:
            raise SpawnFailed(
                f"cannot start a process: the shim did not come up within {SHIM_UP_SECONDS:.0f} s"
            ) from error
        if said[:1] == BUSY:
            raise AttemptAlreadyHere(f"cannot start job {self.run.job.job_id!r}: this attempt already runs here")
        if said[:1] == FAILED:
            raise SpawnFailed(f"cannot start a process: {said[1:].decode('utf-8', 'replace')}")
        if said != LOCKED:
            raise SpawnFailed(
                "cannot start a process: the shim ended before it was ready (see 'shim.err' in the run directory)"
            )
        self._gate.setblocking(False)

    def open_gate(self) -> None:
        """Let the shim run its command."""
        if self._gate is None:
            raise SpawnFailed("cannot start an adopted attempt again")
        try:
            self._gate.send(GO)
        except OSError as error:
            raise SpawnFailed(f"cannot start a process: the shim ended at its gate ({error})") from error
        self.is_under_way = True

    def poll(self) -> int | None:
        """Return the exit code when the attempt is over (minus the signal's number, as Popen does), else None."""
        if self.returncode is None and not self._may_live():
            verdict = self.run.read_verdict() or {"signal": int(signal.SIGKILL)}
            exit_code, number = integer_of(verdict, "exit_code"), integer_of(verdict, "signal")
            self.returncode = exit_code if exit_code is not None else -(number or signal.SIGKILL)
        return self.returncode

    def ask_to_stop(self, reason: str, grace_seconds: float | None = None) -> bool:
        """Ask the shim to end its command by the ladder; False if there is no shim any more."""
        self.run.write_stop(reason, grace_seconds)
        return _signal_shim(self.run)

    def close(self) -> None:
        """Let go of the shim; one that still waits at its gate leaves, and nothing ran."""
        with self._is_closed:
            gate, self._gate = self._gate, None
            pidfd, self._pidfd = self._pidfd, None
        if gate is not None:
            gate.close()
        if pidfd is not None:
            os.close(pidfd)

    def _may_live(self) -> bool:
        gate, pidfd = self._gate, self._pidfd
        if gate is not None:
            try:
                gate.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except OSError:
                return self.run.is_locked()
            return False  # it told us, or it is gone
        if pidfd is not None:
            return not _is_readable(pidfd)
        return self.run.is_locked()


def _is_readable(fd: int) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(0))


def _signal_shim(run: RunDirectory) -> bool:
    """Send SIGTERM to the process that holds the lock, and to no other."""
    pidfd = _open_pidfd(run)
    if pidfd is None:
        return _signal_without_pidfd(run)
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def _open_pidfd(run: RunDirectory) -> int | None:
    """Open the shim's pidfd, sure that it is the shim's: looked at before and after opening."""
    identity = run.shim_identity()
    if not _HAS_PIDFDS or identity is None or not _is_the_shim(run, identity):
        return None
    try:
        pidfd = os.pidfd_open(identity.pid)
    except OSError:
        return None
    # Between the first look and the opening the number may have gone to someone else.
    if _is_the_shim(run, identity):
        return pidfd
    os.close(pidfd)
    return None


def _is_the_shim(run: RunDirectory, identity: ShimIdentity) -> bool:
    return (
        run.is_locked()
        and identity.boot_id == process_tree.boot_id()
        and identity.start_time == process_tree.start_time(identity.pid)
    )


def _signal_without_pidfd(run: RunDirectory) -> bool:
    identity = run.shim_identity()
    if _HAS_PIDFDS or identity is None or not run.is_locked():
        return False
    try:
        os.kill(identity.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True
