"""Steps that tests of single attempts share."""

from __future__ import annotations

from pathlib import Path

from lib.attempt.attempt import Attempt
from lib.attempt.folder import RunFolders
from lib.keeper import process_tree
from lib.machine.machine import Machine
from lib.wire.models import Job, JsonObject


def job(session_name: str, job_id: str = "job_1", attempt: int = 1, **fields: float | str | None) -> Job:
    """A start job whose command does what the session's name says."""
    told: JsonObject = {
        "job_id": job_id,
        "type": "start_session",
        "session_name": session_name,
        "attempt": attempt,
        "token": "t",
    }
    told.update(fields, attempt=attempt)
    return Job.from_json(told)


def attempt_of(order: Job, machine: Machine, runs: Path = Path("/nowhere")) -> Attempt:
    """An attempt as the starter makes it."""
    return Attempt(order, RunFolders(runs, machine.disk).of(order), machine)


def living(pids: list[int]) -> list[int]:
    """Those of the processes that live."""
    return [pid for pid in pids if process_tree.is_living(pid)]
