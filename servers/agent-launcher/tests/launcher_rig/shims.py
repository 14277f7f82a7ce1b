"""Steps that tests of single attempts share."""

from __future__ import annotations

from lib import process_tree
from lib.executor import Executor
from lib.job_process import JobProcess
from lib.models import Job, JsonObject
from support.waiting import wait_until


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


def run(executor: Executor, order: Job) -> JobProcess:
    """Let an attempt through its gate at once."""
    process = executor.execute(order)
    process.wait_until_locked()
    process.open_gate()
    return process


def end(process: JobProcess) -> JsonObject:
    """Wait for the end of an attempt and return its verdict."""
    wait_until(lambda: process.poll() is not None, "the attempt is over")
    wait_until(lambda: not process.run.is_locked(), "its shim is gone")
    verdict = process.run.read_verdict()
    process.close()
    assert verdict is not None
    return verdict


def living(pids: list[int]) -> list[int]:
    """Those of the processes that live."""
    return [pid for pid in pids if process_tree.is_living(pid)]


def output(process: JobProcess) -> str:
    """What the command printed."""
    path = process.run.output_path
    return path.read_text("utf-8", "replace") if path.exists() else ""
