"""What a shim promises: nothing runs before the gate opens, and how it ended is on disk."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.shims import end, job, living, output, run

from lib import process_tree
from lib.burial import marks_of
from lib.errors import AttemptAlreadyHere
from lib.executor import PROMPT_ARGUMENT_BYTES_MAX, Executor
from lib.forker import Forker
from lib.run_directory import RunState
from support.waiting import wait_until

# `PARALLEL_STARTS=1000` in the environment does it a thousand times.
PARALLEL_STARTS = int(os.environ.get("PARALLEL_STARTS", "32"))


def test_nothing_runs_before_the_gate_opens(executor: Executor, project: CommandProject) -> None:
    process = executor.execute(job("exit-0"))
    process.wait_until_locked()

    assert process.run.state() is RunState.RUNNING
    assert not process.run.has_started()
    process.close()
    wait_until(lambda: not process.run.is_locked(), "the shim leaves")
    assert project.ledger() == []
    assert process.run.state() is RunState.NEVER_STARTED


def test_a_shim_at_its_gate_leaves_when_the_fork_server_and_the_launcher_are_gone(
    executor: Executor, forker: Forker, project: CommandProject
) -> None:
    process = executor.execute(job("exit-0"))
    process.wait_until_locked()

    forker.stop()
    process.close()

    wait_until(lambda: not process.run.is_locked(), "the shim leaves")
    assert project.ledger() == []


def test_a_running_command_outlives_the_fork_server(
    executor: Executor, forker: Forker, project: CommandProject
) -> None:
    process = run(executor, job("wait-go"))
    wait_until(lambda: project.count("start"), "the command runs")

    forker.stop()
    project.let_go("go")

    assert end(process)["exit_code"] == 0


def test_the_fork_server_is_started_again_when_it_was_killed(executor: Executor, forker: Forker) -> None:
    assert forker.pid is not None
    os.kill(forker.pid, signal.SIGKILL)
    wait_until(lambda: not process_tree.is_living(forker.pid or 0), "the fork server is dead")

    assert end(run(executor, job("exit-0")))["exit_code"] == 0


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_what_the_command_said(executor: Executor, code: int) -> None:
    process = run(executor, job(f"exit-{code}"))

    verdict = end(process)
    assert (verdict["exit_code"], verdict["signal"], verdict["reason"]) == (code, None, None)
    assert process.returncode == code


def test_a_command_that_dies_of_a_signal_is_told_so(executor: Executor) -> None:
    process = run(executor, job(f"signal-{int(signal.SIGSEGV)}"))

    verdict = end(process)
    assert (verdict["exit_code"], verdict["signal"]) == (None, int(signal.SIGSEGV))
    assert process.returncode == -signal.SIGSEGV


def test_output_and_errors_are_in_one_log_in_the_order_they_came(executor: Executor, project: CommandProject) -> None:
    project.write("ao-start", "#!/bin/sh\necho one\necho two >&2\necho three\n")
    process = run(executor, job("s"))
    end(process)

    assert output(process) == "one\ntwo\nthree\n"


def test_a_second_shim_for_the_same_attempt_never_runs(executor: Executor, project: CommandProject) -> None:
    first = run(executor, job("wait-go"))
    second = executor.execute_again(first.run)

    with pytest.raises(AttemptAlreadyHere, match="this attempt already runs here"):
        second.wait_until_locked()
    second.close()
    project.let_go("go")
    end(first)
    assert project.count("start") == 1


def test_a_shim_that_comes_up_after_its_attempt_has_ended_never_runs_it_again(
    executor: Executor, project: CommandProject
) -> None:
    first = run(executor, job("exit-0"))
    verdict = end(first)
    late = executor.execute_again(first.run)

    with pytest.raises(AttemptAlreadyHere):
        late.wait_until_locked()
    late.close()
    assert project.count("start") == 1
    assert first.run.read_verdict() == verdict


def test_a_time_limit_ends_the_command(executor: Executor) -> None:
    verdict = end(run(executor, job("wait-never", timeout_seconds=0.2, stop_grace_seconds=0.1)))

    assert verdict["reason"] == "timed_out"


def test_too_much_output_ends_the_command(executor: Executor) -> None:
    verdict = end(run(executor, job("flood", output_limit_bytes=1_000_000, stop_grace_seconds=0.1)))

    assert verdict["reason"] == "output_limit"


def test_a_stop_gives_the_command_its_time_to_clean_up(executor: Executor, project: CommandProject) -> None:
    process = run(executor, job("cleanup-0_3", stop_grace_seconds=10))
    wait_until(lambda: project.count("ready"), "the command is ready")

    assert process.ask_to_stop("stopped_by_user")

    verdict = end(process)
    assert (verdict["exit_code"], verdict["reason"]) == (0, "stopped_by_user")
    assert project.count("clean") == 1


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(executor: Executor, project: CommandProject) -> None:
    process = run(executor, job("deaf", stop_grace_seconds=0.1))
    wait_until(lambda: project.count("deaf"), "the command is deaf")

    process.ask_to_stop("stopped_by_user")

    assert end(process)["signal"] == int(signal.SIGKILL)


def test_a_stopped_process_that_was_suspended_hears_the_stop(executor: Executor, project: CommandProject) -> None:
    process = run(executor, job("cleanup-0", stop_grace_seconds=30))
    wait_until(lambda: project.count("ready"), "the command is ready")
    os.kill(project.pids()[0], signal.SIGSTOP)

    process.ask_to_stop("stopped_by_user")

    assert end(process)["exit_code"] == 0


def test_a_stop_leaves_no_process_of_a_tree_that_escapes_groups_and_ignores_sigterm(
    executor: Executor, project: CommandProject
) -> None:
    process = run(executor, job("tree-20", stop_grace_seconds=0.2))
    wait_until(lambda: project.count("leaf") == 20, "the tree stands")

    process.ask_to_stop("stopped_by_user")

    assert end(process)["leftovers"] == []
    assert living(project.pids()) == []


def test_a_stop_wins_against_processes_that_keep_changing_their_numbers(
    executor: Executor, project: CommandProject
) -> None:
    # Their count never grows, and each ends by itself: a test must not be able to flood the machine.
    hop = "import os, signal, time\nend = time.monotonic() + 20\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    hop += "for _ in range(50):\n    if os.fork() == 0:\n        os.setsid()\n        while time.monotonic() < end:\n"
    hop += "            time.sleep(0.02)\n            if os.fork(): os._exit(0)\n        os._exit(0)\n"
    project.write("ao-start", f"#!/usr/bin/env python3\n{hop}time.sleep(20)\n")
    process = run(executor, job("s", stop_grace_seconds=0.1))
    shim = process.pid or 0
    wait_until(lambda: len(process_tree.descendants(shim)) >= 50, "many processes run")

    process.ask_to_stop("stopped_by_user")

    assert end(process)["leftovers"] == []
    assert process_tree.marked(marks_of(process.run)) == []


def test_a_normal_end_leaves_no_process_either(executor: Executor, project: CommandProject) -> None:
    process = run(executor, job("orphan-7"))

    assert end(process)["exit_code"] == 7
    assert living(project.pids()) == []


def test_descendants_in_other_sessions_hear_sigterm_before_they_are_killed(
    executor: Executor, project: CommandProject
) -> None:
    project.write(
        "ao-start",
        "#!/bin/sh\ntrap 'exit 0' TERM\nsetsid sh -c 'trap \"echo tool cleaned up; exit 0\" TERM; echo up; "
        "while :; do sleep 0.02; done' &\nwait\nwait\n",
    )
    process = run(executor, job("s", stop_grace_seconds=20))
    wait_until(lambda: "up" in output(process), "the tool is up")

    process.ask_to_stop("stopped_by_user")
    end(process)

    assert "tool cleaned up" in output(process)


def test_a_command_that_does_not_exist_is_a_sentence(executor: Executor, project: CommandProject) -> None:
    (project.commands / "ao-start").unlink()

    verdict = end(run(executor, job("s")))
    assert verdict["reason"] == "spawn_failed"
    assert verdict["error"] == (
        f"cannot start '{project.commands / 'ao-start'}': the file does not exist, "
        "and there is no command of that name on PATH"
    )


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("#!/bin/sh\n", 0o644, "it is not executable (chmod +x it)"),
        ("#!/no/such/interpreter\n", 0o755, "its interpreter '/no/such/interpreter' does not exist"),
        ("just text\n", 0o755, "it is neither a program nor a script with a '#!' line"),
    ],
)
def test_a_command_that_cannot_be_started_is_a_sentence(
    executor: Executor, project: CommandProject, text: str, mode: int, why: str
) -> None:
    path = project.write("ao-start", text, mode)

    verdict = end(run(executor, job("s")))
    assert (verdict["reason"], verdict["error"]) == ("spawn_failed", f"cannot start '{path}': {why}")


def test_a_project_folder_that_does_not_exist_is_a_sentence(executor: Executor, project: CommandProject) -> None:
    verdict = end(run(executor, job("s", project_dir="/no/such/folder")))

    assert verdict["reason"] == "invalid_parameters"
    assert verdict["error"] == "cannot work in '/no/such/folder': there is no such folder on this machine"
    assert project.ledger() == []


def test_a_project_folder_that_is_a_file_is_a_sentence(executor: Executor, project: CommandProject) -> None:
    file = project.commands / "ao-start"
    verdict = end(run(executor, job("s", project_dir=str(file))))

    assert verdict["error"] == f"cannot work in '{file}': it is a file, and a folder is needed"


def test_a_nul_in_the_prompt_is_a_sentence(executor: Executor) -> None:
    verdict = end(run(executor, job("s", prompt="a\0b")))

    assert verdict["reason"] == "invalid_parameters"


def test_a_child_gets_no_descriptor_and_no_signal_setting_of_ours(executor: Executor, project: CommandProject) -> None:
    project.write("ao-start", "#!/bin/sh\nls /proc/self/fd\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\n")
    process = run(executor, job("s"))
    end(process)

    *descriptors, blocked, ignored = output(process).split("\n")[:-1]
    assert descriptors == ["0", "1", "2", "3"]  # the fourth is the folder that `ls` reads
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert int(blocked.split()[1], 16) & settable == 0
    assert int(ignored.split()[1], 16) & settable == 0


def test_many_starts_at_once_leak_no_descriptor_and_none_is_refused_while_its_program_is_being_written(
    executor: Executor, project: CommandProject
) -> None:
    program = project.write("ao-start", "#!/bin/sh\nread -r word\nls /proc/self/fd\n")
    is_over = threading.Event()

    def write_it_again_and_again() -> None:
        while not is_over.wait(0.002):
            with contextlib.suppress(OSError), program.open("r+b"):  # refused in turn while somebody runs it
                is_over.wait(0.001)

    def start(number: int) -> list[str]:
        process = run(executor, job("s", f"job_{number}", prompt=f"{number}" * PROMPT_ARGUMENT_BYTES_MAX))
        assert end(process)["exit_code"] == 0
        return output(process).split()

    writer = threading.Thread(target=write_it_again_and_again)
    writer.start()
    try:
        with ThreadPoolExecutor(8) as crowd:
            descriptors = list(crowd.map(start, range(PARALLEL_STARTS)))
    finally:
        is_over.set()
        writer.join()
    assert descriptors == [["0", "1", "2", "3"]] * PARALLEL_STARTS


def test_a_stranger_with_the_shims_number_is_never_signalled(executor: Executor, project: CommandProject) -> None:
    process = run(executor, job("wait-go"))
    lock = process.run.path / "lock"
    told = lock.read_text("utf-8")
    stranger = os.getpid()
    lock.write_text(told.replace(str(process.pid), str(stranger)), "utf-8")

    assert not process.ask_to_stop("stopped_by_user")
    lock.write_text(told, "utf-8")
    project.let_go("go")
    end(process)


def test_nobody_else_can_read_a_run_directory(executor: Executor) -> None:
    process = run(executor, job("exit-0", prompt="x" * 200_000))
    end(process)

    assert process.run.path.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in process.run.path.iterdir())
