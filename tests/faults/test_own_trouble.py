"""The real `ao-start` cannot write what it has to say: that is the machine's trouble, and no end of the agent's."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.disks import fill
from soak.stage import small_disk
from support.agents import add_agent
from support.waiting import wait_until

SMALL_MIB = 4
SAYS_DONE = "print('done'); print('by the way', file=sys.stderr)"
SAYS_NOTHING = ""
FAILS = "sys.exit('broken for good')"


@pytest.fixture
def small(bench: Bench) -> Iterator[Path]:
    """The launcher's state folder on a small disk of its own."""
    with small_disk(bench.launcher.state_dir, SMALL_MIB) as is_there:
        if not is_there:
            pytest.skip("this user may not mount a small disk")
        bench.project.put_real_commands()
        bench.launcher.start()
        yield bench.launcher.state_dir
        bench.launcher.leave_nothing()


def begin(bench: Bench, name: str, last_words: str) -> str:
    """Have an agent wait for the gate, to say its last words then."""
    program = f"""
        import pathlib, sys, time
        pathlib.Path("{name}.runs").touch()
        while not pathlib.Path("{bench.gate}").exists(): time.sleep(0.01)
        {last_words}
        """
    add_agent(bench.api, bench.project.root, name, program)
    job_id = bench.order("x", agent_name=name)
    wait_until((bench.project.work / f"{name}.runs").exists, f"agent {name} is at work")
    return job_id


def order_with_a_late_command(bench: Bench, name: str, program: str) -> str:
    """Order a job whose command is there and does nothing before the gate is opened."""
    add_agent(bench.api, bench.project.root, name, f"import sys\n{program}")
    return bench.order("x", agent_name=name)


def result_of(bench: Bench, job_id: str) -> str:
    """What the session keeps of it."""
    return bench.api.result(str(bench.api.job(job_id)["session_id"]))


def test_an_agent_that_exited_0_is_completed_although_the_disk_was_full(bench: Bench, small: Path) -> None:
    job_id = begin(bench, "done-on-a-full-disk", SAYS_DONE)

    fill(small)
    bench.open_gate()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["exit_code"]) == ("completed", 0)
    assert "disk_full: not all that it printed is kept here" in str(ended["error"])
    assert result_of(bench, job_id) == "done\n"


@pytest.mark.parametrize(
    ("last_words", "reason", "sentence"),
    [(SAYS_NOTHING, "empty_result", "printed nothing"), (FAILS, "nonzero_exit", "exited with 1: broken for good")],
)
def test_a_failure_on_a_full_disk_has_its_own_reason_from_the_events(
    bench: Bench, small: Path, last_words: str, reason: str, sentence: str
) -> None:
    job_id = begin(bench, f"{reason.replace('_', '-')}-on-a-full-disk", last_words)

    fill(small)
    bench.open_gate()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["reason"]) == ("failed", reason)
    assert sentence in str(ended["error"])
    assert "disk_full: " in str(ended["error"])


def test_the_outcome_is_the_agents_although_the_disk_was_full_before_its_command_began(
    bench: Bench, small: Path
) -> None:
    command, at_work = bench.project.real_command("ao-start"), bench.project.root / "commands.run"
    wait = f"echo >> {at_work}; while [ ! -e {bench.gate} ]; do sleep 0.01; done"
    bench.project.put_command("ao-start", f'#!/bin/sh\n{wait}\nexec {sys.executable} {command} "$@"\n')
    does_well = order_with_a_late_command(bench, "well-on-a-full-disk", "print('done')")
    fails = order_with_a_late_command(bench, "exits-on-a-full-disk", "print('!' * 9000, file=sys.stderr); sys.exit(7)")
    wait_until(lambda: at_work.exists() and at_work.read_text("utf-8") == "\n\n", "both commands are there")

    ballast = fill(small)
    waits = order_with_a_late_command(bench, "after-a-full-disk", "print('later')")
    wait_until(lambda: bench.api.job(waits)["reason"] == "launcher_cannot_start_jobs", "it is not begun")
    bench.open_gate()
    well, failed = bench.end_of(does_well), bench.end_of(fails)
    ballast.unlink()
    last = bench.end_of(waits)

    # Its command itself vouches for it, in the room that was made for that before it began.
    assert (well["status"], well["reason"], well["exit_code"]) == ("completed", None, 0)
    assert (failed["status"], failed["reason"], failed["exit_code"]) == ("failed", "nonzero_exit", 7)
    assert "disk_full: " in str(failed["error"])
    assert f"exited with 7: {'!' * 2000}" in str(failed["error"])
    assert (last["status"], last["attempt"] > 1, at_work.read_text("utf-8")) == ("completed", True, "\n\n\n")


def test_a_failure_on_a_disk_that_has_room_again_when_it_is_told_has_its_own_reason(bench: Bench, small: Path) -> None:
    job_id = begin(bench, "failed-on-a-full-disk-for-a-while", SAYS_NOTHING)
    (run_folder,) = bench.launcher.runs_dir.iterdir()

    bench.launcher.freeze()
    (run_folder / "outcome.json").unlink()
    ballast = fill(small)
    bench.open_gate()
    session = str(bench.api.job(job_id)["session_id"])
    wait_until(lambda: any(event["type"] == "session_stop" for event in bench.api.events(session)), "it is over")
    wait_until(lambda: bench.launcher.keepers.records_of(run_folder.name, "ended"), "its keeper has seen its end")
    ballast.unlink()
    bench.launcher.thaw()
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["reason"]) == ("failed", "empty_result")


def test_the_outcome_is_the_agents_although_its_run_folder_cannot_be_written(bench: Bench, small: Path) -> None:
    job_id = begin(bench, "done-on-a-read-only-disk", SAYS_DONE)
    failing = begin(bench, "failed-on-a-read-only-disk", "sys.exit(7)")

    subprocess.run(["mount", "--bind", str(small), str(small)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(small)], check=True)
        bench.open_gate()
        ended, failed = bench.end_of(job_id), bench.end_of(failing)
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)

    assert (ended["status"], ended["exit_code"]) == ("completed", 0)
    assert (failed["status"], failed["reason"], failed["exit_code"]) == ("failed", "nonzero_exit", 7)
    assert "disk_full: not all that it printed is kept here: the disk is read-only" in str(ended["error"])
    assert result_of(bench, job_id) == "done\n"
