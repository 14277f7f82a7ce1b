"""One attempt's process as the mission's supervisor sees it: `pid`, `poll()`, `returncode`; behind it a shim."""

from __future__ import annotations

import signal
import socket

from lib.errors import AttemptAlreadyHere, ForkRefused, SpawnFailed
from lib.log_upload import LogCursor
from lib.machine import Gate, Machine
from lib.models import integer_of
from lib.run_directory import RunDirectory
from lib.run_files import BUSY, FAILED, GO, LOCKED

SHIM_UP_SECONDS = 20.0


class JobProcess:
    """A handle on a shim, fresh (it waits at its gate) or adopted (its launcher is gone).

    We are never the shim's parent, so nothing is waited for: an end is seen by the gate's closing or by the
    shim's pidfd, and read from the run directory.
    """

    def __init__(self, run: RunDirectory, gate: Gate | None = None, machine: Machine | None = None) -> None:
        machine = machine or Machine()
        self.run = run
        self.returncode: int | None = None
        self.log = LogCursor(machine)
        self.is_dropped = False
        self.is_under_way = gate is None
        self._handles = machine.handles
        self._gate = gate
        self._pidfd = None if gate is not None else self._handles.open(run)
        self._is_closed = machine.lock()

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

        Errors:  ForkRefused, if the machine has no process for it; SpawnFailed, if it did not come up;
                 AttemptAlreadyHere, if another shim has the lock.
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
            raise ForkRefused(f"cannot start a process: {said[1:].decode('utf-8', 'replace')}")
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
        return self._handles.terminate(self.run)

    def close(self) -> None:
        """Let go of the shim; one that still waits at its gate leaves, and nothing ran."""
        with self._is_closed:
            gate, self._gate = self._gate, None
            pidfd, self._pidfd = self._pidfd, None
        if gate is not None:
            gate.close()
        if pidfd is not None:
            self._handles.close(pidfd)

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
            return not self._handles.has_ended(pidfd)
        return self.run.is_locked()
