"""A house in order with one job in it, for tests of the checker to break."""

from typing import cast

from support.evidence import Evidence
from support.ledger import Run
from support.runtime_api import EventRow, JobRow, JsonObject

STARTED_AT = 1767225602.0
JOB = cast(
    "JobRow",
    {
        "job_id": "job_1", "session_id": "ses_1", "status": "completed", "attempt": 1, "rerun_lost": 0, "reason": None,
        "exit_code": 0, "signal": None, "created_at": "2026-01-01T00:00:00Z", "claimed_at": "2026-01-01T00:00:01Z",
        "started_at": "2026-01-01T00:00:02Z", "ended_at": "2026-01-01T00:00:03Z", "run_seconds": 0.98,
        "timeout_seconds": None, "stop_requested_at": None,
    },
)  # fmt: skip
RUN = Run(
    "job_1", 1, 100, "agent", "s", started_at=1.0, ended_at=1.9, exit_code=0, signal=None, beside=(),
    started_wall=STARTED_AT + 0.1, ended_wall=STARTED_AT + 1.0, folder="/project/work", printed=5, head="he", tail="lo",
)  # fmt: skip


def moved(status: str, attempt: int = 1) -> EventRow:
    """An event that says where a job went."""
    return happened(f"job.{status}", {"status": status}, attempt)


def happened(kind: str, data: JsonObject, attempt: int = 1) -> EventRow:
    """An event of the job."""
    return cast("EventRow", {"type": kind, "attempt": attempt, "at": "2026-01-01T00:00:03.100000Z", "data": data})


RESULT = happened("result", {"text": "hello"})


def evidence(job: JobRow = JOB, runs: tuple[Run, ...] = (RUN,), moves: tuple[EventRow, ...] | None = None) -> Evidence:
    """The house, or one that is otherwise."""
    events = moves if moves is not None else (moved("claimed"), moved("running"), RESULT, moved("completed"))
    return Evidence(("job_1",), {"job_1": job}, {"job_1": list(events)}, list(runs), [])
