"""Shims and the commands behind them, as models: the same states and files as the real ones, at the world's pace."""

from __future__ import annotations

import json
import signal
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib import run_files
from lib.models import JsonObject, integer_of, number_of, text_of
from lib.run_directory import RunDirectory
from simulation.fibers import Life, SimCondition
from simulation.ledger import Run

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.world import World

GRACE_SECONDS = 10.0


class SimGate:
    """The launcher's end of a shim's gate."""

    def __init__(self, host: Host, life: Life) -> None:
        self.fd = host.new_descriptor(self)
        self.is_closed = False
        self.is_left = False
        self.shim: Shim | None = None
        self._life = life
        self._host = host
        self._heard: deque[bytes] = deque()
        self._condition = SimCondition(life)
        self._patience = 0.0

    @property
    def is_readable(self) -> bool:
        return bool(self._heard) or self.is_left

    def fileno(self) -> int:
        return self.fd

    def settimeout(self, seconds: float) -> None:
        self._patience = seconds

    def setblocking(self, flag: bool, /) -> None:
        self._patience = 3600.0 if flag else 0.0

    def recv(self, count: int, flags: int = 0, /) -> bytes:
        if flags & socket.MSG_PEEK:
            if not self.is_readable:
                raise BlockingIOError
            return self._heard[0][:count] if self._heard else b""
        if not self.is_readable:
            self._condition.wait(self._patience)
        if not self.is_readable:
            raise TimeoutError("timed out")
        return self._heard.popleft() if self._heard else b""

    def send(self, content: bytes, /) -> int:
        self._host.effect(self._life, "open a gate")
        if self.is_left or self.shim is None:
            raise BrokenPipeError(32, "Broken pipe")
        self.shim.hear(content)
        return len(content)

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._host.forget_descriptor(self.fd)
            if self.shim is not None:
                self.shim.gate_closed()

    def tell(self, content: bytes) -> None:
        """Let the launcher hear something."""
        if not self.is_closed:
            self._heard.append(content)
            self._condition.notify_all()
            self._host.stir()

    def leave(self) -> None:
        """Let the launcher see the shim's end."""
        self.is_left = True
        self._condition.notify_all()
        self._host.stir()


@dataclass
class Command:
    """What a job's command will do, read from its prompt: `work SECONDS CODE OBEYS_SECONDS`."""

    seconds: float
    exit_code: int
    obeys_seconds: float

    @classmethod
    def of(cls, prompt: str) -> Command:
        words = prompt.split()
        if len(words) >= 4 and words[0] == "work":
            return cls(float(words[1]), int(words[2]), float(words[3]))
        return cls(2.0, 0, 0.5)


class Shim:
    """Keeps one attempt: lock, gate, command, verdict."""

    def __init__(self, host: Host, run_path: Path, gate: SimGate) -> None:
        self.host = host
        self.world: World = host.world
        self.path = run_path
        self.pid = host.new_pid()
        self.fd = host.new_descriptor(self)
        self.is_over = False
        self.has_lock = False
        self.run: Run | None = None
        self._gate: SimGate | None = gate
        self._boot = host.boot
        self._may_go = False
        self._reason: str | None = None
        self._stop_pending = False
        self._command: Command | None = None
        self._kill_at = float("inf")
        self._later(self.world.faults.shim_seconds(), self._come_up)

    @property
    def is_readable(self) -> bool:
        return self.is_over

    def hear(self, content: bytes) -> None:
        """The launcher says that the command may run."""
        if content == run_files.GO and not self._may_go:
            self._may_go = True
            self._later(self.world.chance.uniform(0.0005, 0.02), self._begin)

    def gate_closed(self) -> None:
        """The launcher is gone, or does not want us: without a word to go, nothing runs."""
        self._gate = None
        if not self._may_go:
            self._later(0.001, self._leave_unless_allowed)

    def terminate(self) -> None:
        """SIGTERM, by whoever means us."""
        self._later(0.001, self._stop)

    def die(self) -> None:
        """SIGKILL: the lock is free, and the command goes on alone."""
        if not self.is_over:
            if self.run is not None:
                self.run.is_alone = True
            self._leave()

    def power_cut(self) -> None:
        """The machine went down under us."""
        self.is_over = True
        if self.run is not None:
            self.world.ledger.end(self.run, "power cut", None)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def unless_gone() -> None:
            if self._boot == self.host.boot:
                act()

        self.world.agenda.after(seconds, unless_gone)

    def _come_up(self) -> None:
        if self.is_over:
            return  # killed before it was up: it takes no lock any more
        disk, lock = self.host.disk, self.path / run_files.LOCK_FILE
        if self._gate is None or self.world.faults.shim_fails() or not disk.exists(self.path):
            self._leave()
        elif not disk.lock(lock):
            self._gate.tell(run_files.BUSY)
            self._leave()
        elif disk.exists(self.path / run_files.STARTED_FILE):
            self.has_lock = True
            self._gate.tell(run_files.BUSY)
            self._leave()
        else:
            self.has_lock = True
            who: JsonObject = {"pid": self.pid, "start_time": str(self.pid), "boot_id": self.host.boot}
            try:
                disk.put(lock, json.dumps(who).encode(), is_synced=False)
            except OSError:
                self._leave()
                return
            self._gate.tell(run_files.LOCKED)

    def _leave_unless_allowed(self) -> None:
        if not self._may_go:
            self._leave()

    def _leave(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        if self.has_lock:
            self.host.disk.unlock(self.path / run_files.LOCK_FILE)
        if self._gate is not None:
            self._gate.leave()
        self.host.shim_ended(self)

    def _begin(self) -> None:
        if self.is_over:
            return
        try:
            order: JsonObject = json.loads(self.host.disk.read(self.path / run_files.JOB_FILE))
            self.host.disk.put(self.path / run_files.STARTED_FILE, b"", is_synced=False, is_reserved=True)
        except (OSError, ValueError):
            self._leave()
            return
        job, launch = order["job"], order["launch"]
        assert isinstance(job, dict)
        assert isinstance(launch, dict)
        if self.world.faults.command_missing():
            self._verdict({"reason": "spawn_failed", "error": "no such command", "ended_at": self.host.wall_time()})
            return
        argv = launch["argv"]
        assert isinstance(argv, list)
        prompt = str(argv[argv.index("--prompt") + 1]) if "--prompt" in argv else ""
        self._command = Command.of(prompt)
        job_id, attempt = str(job["job_id"]), integer_of(job, "attempt") or 0
        self.run = self.world.ledger.begin(self.host.name, job_id, str(job["session_name"]), attempt, prompt)
        self.world.checks.began(self.run)
        self.world.clients.command_began(self.run, self._command.seconds)
        self._later(self._command.seconds, lambda: self._command_ends(self._own_code(), None))
        if (limit := number_of(launch, "timeout_seconds")) is not None:
            self._later(limit, lambda: self._ask("timed_out", GRACE_SECONDS))
        if self._stop_pending:
            self._stop()
        self._print()

    def _own_code(self) -> int:
        return self._command.exit_code if self._command is not None else 0

    def _print(self) -> None:
        if self.run is None or self.run.ended_at is not None:
            return
        self.host.disk.append(self.path / run_files.OUTPUT_FILE, f"line at {self.world.agenda.now:.3f}\n".encode())
        self._later(self.world.chance.uniform(5.0, 90.0), self._print)

    def _stop(self) -> None:
        if self.run is None:
            self._stop_pending = True
            return
        try:
            told: JsonObject = json.loads(self.host.disk.read(self.path / run_files.STOP_FILE))
        except (OSError, ValueError):
            told = {}
        self._ask(text_of(told, "reason") or "stopped_by_user", number_of(told, "grace_seconds") or GRACE_SECONDS)

    def _ask(self, reason: str, grace_seconds: float) -> None:
        if self.is_over or self.run is None or self.run.ended_at is not None or self._command is None:
            return
        if self._reason is None:
            self._reason = reason
            self.world.checks.asked_to_stop(self.run, reason)
            self._later(self._command.obeys_seconds, lambda: self._command_ends(143, None))
        self._later(grace_seconds, lambda: self._command_ends(None, int(signal.SIGKILL)))

    def _command_ends(self, code: int | None, number: int | None) -> None:
        if self.run is None or self.run.ended_at is not None:
            return
        self.world.ledger.end(self.run, self._reason or "by itself", code)
        if self.is_over:
            return  # the shim was killed before; nobody is left to say how it ended
        now = self.host.wall_time()
        self._verdict({"exit_code": code, "signal": number, "reason": self._reason, "ended_at": now, "leftovers": []})

    def _verdict(self, verdict: JsonObject) -> None:
        self.host.disk.put(
            self.path / run_files.EXIT_FILE, json.dumps(verdict).encode(), is_synced=True, is_reserved=True
        )
        if self._gate is not None:
            self._gate.tell(run_files.ENDED)
        self._leave()


class SimHandles:
    """What the kernel knows of the shims of one machine."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def open(self, run: RunDirectory) -> int | None:
        identity = run.shim_identity()
        if identity is None or identity.boot_id != self._host.boot or not run.is_locked():
            return None
        shim = self._host.shims.get(identity.pid)
        return shim.fd if shim is not None and not shim.is_over else None

    def close(self, pidfd: int) -> None:
        del pidfd

    def has_ended(self, pidfd: int) -> bool:
        shim = self._host.descriptor(pidfd)
        return shim is None or shim.is_readable

    def terminate(self, run: RunDirectory) -> bool:
        fd = self.open(run)
        shim = self._host.descriptor(fd) if fd is not None else None
        if not isinstance(shim, Shim):
            return False
        shim.terminate()
        return True
