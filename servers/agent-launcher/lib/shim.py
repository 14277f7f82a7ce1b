"""Keep one attempt: hold its lock, wait at its gate, run its command, end its tree, leave its verdict.

The shim outlives the launcher. It is forked by `fork_server.py`, uses the standard library only, and talks
to the launcher through the files of the run directory (`run_files.py`).
"""

# ruff: noqa: PTH123  (pathlib would cost each shim memory for nothing)
from __future__ import annotations

import errno
import os
import signal
import time

from lib import process_tree, spawn
from lib.lock_file import LockFile
from lib.run_files import BUSY, CRASH_FILE, ENDED, GO, LOCKED, STARTED_FILE
from lib.shim_host import SIGTERM, WATCHED, Host

CLEANUP_SECONDS = 5.0
OUTPUT_PACE_SECONDS_MIN, OUTPUT_PACE_SECONDS_MAX = 0.25, 4.0
_SIGKILL, _SIGCONT = int(signal.SIGKILL), int(signal.SIGCONT)


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

    fd = os.open(f"{run_path}/{CRASH_FILE}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with open(fd, "a", encoding="utf-8") as crash:
        traceback.print_exc(file=crash)


def _keep(host: Host, run_path: str, gate: int) -> None:
    lock = LockFile(run_path, host)
    # The lock alone is not enough: that of an attempt which has ended is free.
    if not lock.is_ours() or os.access(f"{run_path}/{STARTED_FILE}", os.F_OK):
        _say(gate, BUSY)
        return
    host.reach("lock_taken")
    lock.write_who_we_are()
    launch = spawn.read_launch(run_path, host.settable_signals)
    host.reach("identity_written")
    if not _say(gate, LOCKED) or not _may_go(gate):
        return
    host.reach("gate_passed")
    lock.become_the_verdict(run_attempt(launch, host))
    host.reach("verdict_renamed")
    _say(gate, ENDED)
    host.reach("end_told")
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


def run_attempt(launch: spawn.Launch, host: Host) -> spawn.JsonObject:
    """Run a command to its end, whatever that end is, and say how it ended."""
    os.close(os.open(launch.path(STARTED_FILE), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    host.reach("started_written")
    started_at = time.time()
    try:
        pid = spawn.start(launch)
    except spawn.SpawnError as error:
        return {"reason": error.reason, "error": str(error), "started_at": started_at, "ended_at": time.time()}
    host.reach("command_started")
    launch.forget_the_command()
    attempt = Attempt(pid, launch)
    attempt.wait()
    host.reach("command_ended")
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
        heard = signal.sigtimedwait(WATCHED, seconds)
        if heard is not None and heard.si_signo == SIGTERM:
            stop = self._launch.read_stop()
            self._begin_stop(stop.reason, stop.grace_seconds)

    def _begin_stop(self, reason: str, grace_seconds: float) -> None:
        if self._is_over and self.reason is None:
            return  # it came too late: the command ended by itself
        kill_at = time.monotonic() + grace_seconds
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)
        if self.reason is None:
            self.reason = reason
            self._signal_tree(SIGTERM)

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
