"""Ctrl+C from a real terminal, SIGTERM, and an upgrade with jobs running."""

import json
import os
import pty
import signal

import psutil
import pytest

from faults.bench import Bench
from support.launcher_process import LauncherProcess
from support.proxy import ChaosProxy, Fault, Kind
from support.waiting import wait_until

CTRL_C = b"\x03"
UPGRADED = 20


class Terminal:
    """A real terminal with a launcher in its foreground; what is typed reaches the whole foreground group."""

    def __init__(self, launcher: LauncherProcess, *flags: str) -> None:
        self._launcher = launcher
        self._before = len(launcher.log())
        self.pid, self._keyboard = pty.fork()
        if self.pid == 0:
            command, environment = launcher.command_line(*flags)
            log = os.open(launcher.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 2)
            os.chdir(launcher.folder)
            os.execve(command[0], command, environment)  # noqa: S606  (a terminal's program is not a shell's)

    def wait_for_line(self, text: str) -> None:
        """Wait until the launcher has said something."""
        wait_until(lambda: text in self._launcher.log()[self._before :], f"the launcher says {text!r}")

    def press_ctrl_c(self) -> None:
        """Type it."""
        os.write(self._keyboard, CTRL_C)

    def exit_code(self) -> int:
        """Wait for the launcher's end."""
        ended: list[int] = []

        def has_ended() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            ended.append(status)
            return pid != 0

        wait_until(has_ended, "the launcher leaves")
        os.close(self._keyboard)
        return os.waitstatus_to_exitcode(ended[-1])


def beats(proxy: ChaosProxy) -> int:
    """How many heartbeats came by."""
    return sum("/heartbeat" in request for request in proxy.requests)


def terms(bench: Bench) -> int:
    """How many commands were told to end."""
    text = bench.ledger.path.read_text(encoding="utf-8")
    return sum(json.loads(line)["what"] == "term" for line in text.splitlines())


def test_one_ctrl_c_lets_running_jobs_end_and_never_reaches_them(bench: Bench) -> None:
    terminal = Terminal(bench.launcher)
    terminal.wait_for_line("registered")
    jobs = [bench.order_waiting() for _ in range(3)]
    bench.wait_until_runs(*jobs)

    terminal.press_ctrl_c()
    terminal.wait_for_line("3 still run (Ctrl+C again stops them)")
    bench.open_gate()

    assert terminal.exit_code() == 0
    assert {bench.end_of(job)["status"] for job in jobs} == {"completed"}
    assert terms(bench) == 0
    bench.assert_promises_held()


def test_two_ctrl_c_stop_the_running_jobs_and_report_them(bench: Bench) -> None:
    terminal = Terminal(bench.launcher)
    terminal.wait_for_line("registered")
    jobs = [bench.order_waiting(on_term_seconds=0.1) for _ in range(3)]
    bench.wait_until_runs(*jobs)

    terminal.press_ctrl_c()
    terminal.wait_for_line("Ctrl+C again stops them")
    terminal.press_ctrl_c()

    assert terminal.exit_code() == 0
    assert {bench.end_of(job)["status"] for job in jobs} == {"stopped"}
    assert terms(bench) == len(jobs)
    bench.assert_promises_held()


def test_three_ctrl_c_leave_at_once_and_the_next_life_adopts(bench: Bench) -> None:
    terminal = Terminal(bench.launcher)
    terminal.wait_for_line("registered")
    stubborn = {"await_file": str(bench.gate), "ignore_term": True}
    jobs = [bench.order(stubborn, stop_grace_seconds=600) for _ in range(3)]
    bench.wait_until_runs(*jobs)

    terminal.press_ctrl_c()
    terminal.wait_for_line("Ctrl+C again stops them")
    terminal.press_ctrl_c()
    terminal.wait_for_line("Ctrl+C again leaves them running")
    terminal.press_ctrl_c()

    assert terminal.exit_code() == 130
    assert all(psutil.pid_exists(bench.ledger.runs_of(job)[0].pid) for job in jobs)
    bench.open_gate()
    bench.launcher.start()
    bench.api.wait_for_all(jobs)
    bench.assert_promises_held()


def test_sigterm_takes_no_new_job_and_beats_to_the_end(bench: Bench, proxy: ChaosProxy) -> None:
    bench.launcher.environment["HEARTBEAT_INTERVAL"] = "0.5"
    bench.launcher.start()
    running = bench.order_waiting()
    bench.wait_until_runs(running)

    bench.launcher.signal(signal.SIGTERM)
    bench.launcher.wait_for_line("no more jobs are taken")
    late = bench.order()
    before = beats(proxy)
    wait_until(lambda: beats(proxy) > before + 1, "its heart beats while it drains")
    bench.open_gate()

    assert bench.launcher.wait() == 0
    assert bench.end_of(running)["status"] == "completed"
    assert bench.api.job(late)["status"] == "pending"
    bench.api.stop_job(late)
    bench.assert_promises_held()


@pytest.mark.parametrize("path", ["/started", "/completed"])
def test_sigterm_while_a_call_hangs_loses_neither_the_claim_nor_the_end(
    bench: Bench, proxy: ChaosProxy, path: str
) -> None:
    hanging = proxy.fail(Fault(Kind.BLACK_HOLE), path=path, times=None)
    bench.launcher.start()
    job_id = bench.order()
    wait_until(lambda: hanging.hits, f"{path} hangs")

    bench.launcher.signal(signal.SIGTERM)
    bench.launcher.wait_for_line("no more jobs are taken")
    proxy.heal()
    proxy.cut_all()

    assert bench.launcher.wait() == 0
    assert bench.end_of(job_id)["status"] == "completed"
    assert len(bench.ledger.runs_of(job_id)) == 1
    assert "Traceback" not in bench.launcher.log()
    bench.assert_promises_held()


def test_an_upgrade_with_twenty_jobs_keeps_every_job_every_exit_code_and_every_byte(bench: Bench) -> None:
    bench.launcher.start()
    jobs = {bench.order_waiting(exit=n % 3, out=f"job {n} ä\n" * (n + 1)): n for n in range(UPGRADED)}
    bench.wait_until_runs(*jobs)

    bench.launcher.signal(signal.SIGHUP)
    assert bench.launcher.wait() == 0
    bench.launcher.start()
    bench.launcher.wait_for_line("job adopted")
    bench.open_gate()
    bench.api.wait_for_all(jobs)

    for job_id, number in jobs.items():
        assert bench.api.job(job_id)["exit_code"] == number % 3
        bench.wait_for_log(job_id, (f"job {number} ä\n" * (number + 1)).encode())
    assert terms(bench) == 0
    bench.assert_promises_held()
