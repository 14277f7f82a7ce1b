"""Keep one attempt: hold its lock, wait at its gate, run its command, end its tree, leave its verdict.

The shim outlives the launcher. It is forked by `fork_server.py`, uses the standard library only, and talks
to the launcher through the files of the run directory (`run_files.py`).
"""

# ruff: noqa: PTH104, PTH123  (pathlib would cost each shim memory for nothing)
from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import signal
import sys
import time

from lib import process_tree, spawn
from lib.run_files import BUSY, CRASH_FILE, ENDED, EXIT_FILE, GO, LOCK_FILE, LOCKED, STARTED_FILE

VERDICT_BYTES_RESERVED = 4096
CLEANUP_SECONDS = 5.0
OUTPUT_PACE_SECONDS_MIN, OUTPUT_PACE_SECONDS_MAX = 0.25, 4.0
_PR_SET_CHILD_SUBREAPER = 36
# Plain numbers: the enumeration's members cost each shim pages of memory.
_SIGCHLD, _SIGTERM, _SIGKILL, _SIGCONT = map(int, (signal.SIGCHLD, signal.SIGTERM, signal.SIGKILL, signal.SIGCONT))
_WATCHED = (_SIGCHLD, _SIGTERM)


class Host:
    """What a fork server finds out once for all its shims, so that none of them spends time or memory on it."""

    def __init__(self) -> None:
        self.boot_id = process_tree.boot_id()
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
        # Shims inherit the mask: they hear signals by waiting for them, and the terminal's not at all.
        signal.pthread_sigmask(signal.SIG_BLOCK, (*_WATCHED, signal.SIGINT, signal.SIGHUP))
        self.settable_signals = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]

    def make_us_the_subreaper(self) -> None:
        """Have the kernel give us whoever below us loses its parent."""
        if self._prctl is not None:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main(host: Host, run_path: str, gate: int) -> None:
    """Keep the attempt of one run directory, then end this process; never returns."""
    try:
        os.setsid()
        os.dup2(0, 2)  # the fork server's standard input is the null device
        host.make_us_the_subreaper()
        _keep(host, run_path, gate)
    except BaseException:  # noqa: BLE001  (the last line of a process; the trace is kept)
        _leave_a_trace(run_path)
        os._exit(1)
    os._exit(0)


def _leave_a_trace(run_path: str) -> None:
    # Nobody reads our standard error any more; the trace is for whoever looks into the run directory.
    import traceback

    with open(f"{run_path}/{CRASH_FILE}", "a", encoding="utf-8") as crash:
        traceback.print_exc(file=crash)


def _keep(host: Host, run_path: str, gate: int) -> None:
    lock = LockFile(run_path)
    if not lock.is_ours():
        _say(gate, BUSY)
        return
    lock.write_who_we_are(host.boot_id)
    launch = spawn.read_launch(run_path, host.settable_signals)
    if not _say(gate, LOCKED) or not _may_go(gate):
        return
    lock.become_the_verdict(run_attempt(launch))
    _say(gate, ENDED)
    lock.make_durable()


def _may_go(gate: int) -> bool:
    try:
        return os.read(gate, 1) == GO
    except ConnectionResetError:
        return False  # the launcher died before it had read that we hold the lock


def _say(gate: int, word: bytes) -> bool:
    try:
        os.write(gate, word)
    except (BrokenPipeError, ConnectionResetError):
        return False  # the launcher is gone; its next start reads the files
    return True


class LockFile:
    """The attempt's lock while it runs, and its verdict afterwards.

    One file for both, whose block is taken before anything runs: a disk that fills up later cannot lose the
    verdict. The lock is on the open file, so it is held until this process ends, whatever the file's name.
    """

    def __init__(self, run_path: str) -> None:
        self._folder = run_path
        self._path = f"{run_path}/{LOCK_FILE}"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def is_ours(self) -> bool:
        """Take the lock, unless another shim has it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write_who_we_are(self, boot_id: str) -> None:
        """Say which process holds the lock, so that no other one is ever taken for it."""
        pid = os.getpid()
        who = f'{{"pid": {pid}, "start_time": "{process_tree.start_time(pid)}", "boot_id": "{boot_id}"}}'
        os.pwrite(self._fd, who.encode().ljust(VERDICT_BYTES_RESERVED), 0)

    def become_the_verdict(self, verdict: spawn.JsonObject) -> None:
        """Put the verdict in place of the lock, whole or not at all."""
        text = json.dumps(verdict).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))
        os.fsync(self._fd)
        os.rename(self._path, f"{self._folder}/{EXIT_FILE}")

    def make_durable(self) -> None:
        """Have the new name on the disk too."""
        os.fsync(os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC))


def run_attempt(launch: spawn.Launch) -> spawn.JsonObject:
    """Run a command to its end, whatever that end is, and say how it ended."""
    os.close(os.open(launch.path(STARTED_FILE), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    started_at = time.time()
    try:
        pid = spawn.start(launch)
    except spawn.SpawnError as error:
        return {"reason": error.reason, "error": str(error), "started_at": started_at, "ended_at": time.time()}
    launch.forget_the_command()
    attempt = Attempt(pid, launch)
    attempt.wait()
    leftovers = attempt.end_the_tree()
    return {
        "exit_code": attempt.exit_code if attempt.exit_code >= 0 else None,
        "signal": -attempt.exit_code if attempt.exit_code < 0 else None,
        "reason": attempt.reason,
        "started_at": started_at,
        "ended_at": time.time(),
        "leftovers": list(leftovers),
    }


class Attempt:
    """One running command and everything below it: waits for it, obeys the limits, leaves no process behind."""

    def __init__(self, pid: int, launch: spawn.Launch) -> None:
        self._pid = pid
        self._launch = launch
        self._is_over = False
        self._ends_at = time.monotonic() + launch.timeout_seconds if launch.timeout_seconds else None
        self._kill_at: float | None = None
        self._output_bytes = 0
        self._output_pace = OUTPUT_PACE_SECONDS_MIN
        self._output_due = time.monotonic() + OUTPUT_PACE_SECONDS_MIN
        self.reason: str | None = None
        self.exit_code = -_SIGKILL  # what remains for a command that would not die

    def wait(self) -> None:
        """Wait until the command ended, or until it was told to and has used up its time for that."""
        while not self._is_over:
            self._listen(self._pause())
            self._reap_others()
            now = time.monotonic()
            if self._kill_at is not None and now >= self._kill_at:
                return
            if self._ends_at is not None and now >= self._ends_at:
                self._ends_at = None
                self._begin_stop("timed_out", self._launch.stop_grace_seconds)
            if now >= self._output_due:
                self._check_output(now)

    def end_the_tree(self) -> list[str]:
        """Kill what is left below us and name what would not die.

        After a stop the rest of the tree keeps the rest of the time: an agent's host may be gone while the
        agent itself still saves its conversation.
        """
        while self._kill_at is not None and time.monotonic() < self._kill_at and self._others_live():
            self._listen(0.05)
        give_up_at = time.monotonic() + CLEANUP_SECONDS
        # While the command is not collected, its number, and so its group, is nobody else's.
        self._signal_group(_SIGKILL)
        while not self._has_collected_all():
            living = [pid for pid in process_tree.descendants(os.getpid()) if process_tree.is_living(pid)]
            if time.monotonic() >= give_up_at:
                return [f"{process_tree.command_name(pid)} (pid {pid})" for pid in living]
            for pid in living:
                _signal(pid, _SIGKILL)
            self._listen(0.002)
        return []

    def _has_collected_all(self) -> bool:
        """Say whether nothing is left below us.

        Lists of children may miss some that move. That we have no child is proof: whoever loses its parent
        becomes ours.
        """
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self.exit_code = os.waitstatus_to_exitcode(ended[1])
        except ChildProcessError:
            return True
        return False

    def _pause(self) -> float:
        due = [at for at in (self._ends_at, self._kill_at, self._output_due) if at is not None]
        return max(0.0, min(due) - time.monotonic())

    def _listen(self, seconds: float) -> None:
        heard = signal.sigtimedwait(_WATCHED, seconds)
        if heard is not None and heard.si_signo == _SIGTERM:
            stop = self._launch.read_stop()
            self._begin_stop(stop.reason, stop.grace_seconds)

    def _begin_stop(self, reason: str, grace_seconds: float) -> None:
        if self._is_over and self.reason is None:
            return  # it came too late: the command ended by itself
        kill_at = time.monotonic() + grace_seconds
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)
        if self.reason is None:
            self.reason = reason
            self._signal_tree(_SIGTERM)

    def _check_output(self, now: float) -> None:
        size, limit = self._launch.output_bytes(), self._launch.output_limit_bytes
        if size > limit:
            self._output_due = now + OUTPUT_PACE_SECONDS_MAX
            self._begin_stop("output_limit", self._launch.stop_grace_seconds)
            return
        grown = max(1, size - self._output_bytes)
        until_full = (limit - size) / grown * self._output_pace
        self._output_pace = min(
            OUTPUT_PACE_SECONDS_MAX, max(OUTPUT_PACE_SECONDS_MIN, until_full / 2), self._output_pace * 2
        )
        self._output_bytes = size
        self._output_due = now + self._output_pace

    def _reap_others(self) -> None:
        while (ended := _peek_at_an_end()) is not None:
            if ended == self._pid:
                self._is_over = True
                return
            os.waitpid(ended, os.WNOHANG)

    def _others_live(self) -> bool:
        for child in process_tree.children(os.getpid()):
            if child != self._pid:
                _reap_one(child)
        return any(process_tree.is_living(pid) for pid in process_tree.descendants(os.getpid()))

    def _signal_tree(self, number: int) -> None:
        # Agents run their tools in sessions of their own, where the group's signal does not arrive.
        outside = [pid for pid in process_tree.descendants(os.getpid()) if _group_of(pid) != self._pid]
        self._signal_group(number)
        for pid in outside:
            _signal(pid, number)
        self._signal_group(_SIGCONT)  # a stopped process hears SIGTERM only when it goes on

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self._pid, number)
        except OSError as error:
            if error.errno not in (errno.ESRCH, errno.EPERM):
                raise


def _peek_at_an_end() -> int | None:
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return ended.si_pid if ended is not None else None


def _reap_one(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
