"""Settle an attempt whose shim left no verdict: end what it left running, and write the verdict for it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from lib import process_tree
from lib.models import Json, JsonObject
from lib.run_directory import RunDirectory, RunState

if TYPE_CHECKING:
    from lib.machine import Machine

CLEANUP_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.02


def bury(run: RunDirectory, state: RunState, machine: Machine) -> JsonObject:
    """Write and return the verdict of an attempt whose shim is gone, after its leftovers are."""
    if state is RunState.HOST_REBOOTED:
        reason, error, leftovers = "host_rebooted", "the machine was restarted while the job ran", []
    else:
        reason, error = "shim_died", "the process that kept the job was killed, so how the job ended is not known"
        leftovers = machine.end_leftovers(run)
    named: list[Json] = list(leftovers)
    verdict: JsonObject = {"reason": reason, "error": error, "ended_at": machine.wall_time(), "leftovers": named}
    run.write_verdict(verdict)
    return verdict


def end_leftovers(run: RunDirectory) -> list[str]:
    """Kill every process that carries this attempt's marks and name those that would not die."""
    marks = marks_of(run)
    give_up_at = time.monotonic() + CLEANUP_SECONDS
    while living := process_tree.marked(marks):
        if time.monotonic() >= give_up_at:
            return [f"{process_tree.command_name(pid)} (pid {pid})" for pid in living]
        for pid in living:
            _kill(pid, marks)
        time.sleep(_LOOK_AGAIN_SECONDS)
    return []


def marks_of(run: RunDirectory) -> tuple[bytes, ...]:
    """The environment entries that only this attempt's processes have."""
    return f"AGENT_JOB_ID={run.job.job_id}".encode(), b"AGENT_OUTCOME_FILE=" + os.fsencode(run.outcome_path)


def _kill(pid: int, marks: tuple[bytes, ...]) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Looked at again through the descriptor's eyes: the number may belong to a stranger by now.
        if process_tree.is_marked(pid, marks):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(pidfd)
