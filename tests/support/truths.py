"""What the runtime tells of an attempt against what its processes wrote down of themselves.

Whatever is compared here was caused by what it is compared with, so a machine that is slow changes no verdict. The one
exception is how late an end may be told: there the witness says by how much it was late itself.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath

from support.evidence import Evidence
from support.ledger import Run
from support.runtime_api import AT_REST, EventRow, JobRow

# What the scripted command is called where the real commands run it.
AGENT = "agent"
# Times are told in milliseconds, and a file system stamps its files with a clock that ticks more slowly.
CLOCKS_DIFFER_SECONDS = 0.05
# What a turn may add to a database: its first 8 MiB, its last 4 MiB and its result.
EVENTS_BYTES_MAX = 14 * 1024 * 1024
# Ends for which something beside the agent decides, each with a cause of its own.
_OWN_ENDS = frozenset({"nonzero_exit", "signal", "empty_result", "internal_error", "unwitnessed", "shim_died"})
# Nobody could ask the machine where it ran.
_NOT_SEEN = frozenset({"launcher_lost", "host_rebooted", "claim_expired"})


def true_outcome(evidence: Evidence) -> Iterator[str]:
    """Promise 4."""
    runs_of: dict[str, list[Run]] = {}
    for run in evidence.runs:
        runs_of.setdefault(run.job_id, []).append(run)
    for job_id in evidence.acknowledged:
        job = evidence.jobs.get(job_id)
        if job is not None and (lie := _lie(evidence, job, runs_of.get(job_id, []))):
            yield f"job {job_id} is {_name(job)}, but {lie}"


def _lie(evidence: Evidence, job: JobRow, runs: list[Run]) -> str | None:
    last = max(runs, key=lambda run: run.attempt, default=None)
    if job["status"] == "pending" and last is not None and last.attempt > job["attempt"]:
        return f"attempt {last.attempt} ran, which the runtime never gave out"
    run = next((run for run in runs if run.attempt == job["attempt"]), None)
    if job["status"] == "completed" or job["reason"] == "nonzero_exit":
        return _lie_about_the_end(evidence, job, run)
    return _lie_about_a_failure(evidence, job, run) if job["status"] == "failed" and run is not None else None


def _lie_about_the_end(evidence: Evidence, job: JobRow, run: Run | None) -> str | None:
    if run is None:
        return "nothing ran"
    expected = 0 if job["status"] == "completed" else job["exit_code"]
    if run.exit_code != expected or (job["status"] == "failed" and run.exit_code == 0):
        return f"its agent ended with {run.exit_code} (signal {run.signal}), reported was {job['exit_code']}"
    if job["status"] == "completed" and run.command == AGENT:
        return _lie_about_a_success(evidence, job, run)
    return None


def _lie_about_a_success(evidence: Evidence, job: JobRow, run: Run) -> str | None:
    if not run.printed:
        return "its agent printed nothing"
    # Also on a full disk: the room was made before anything ran.
    if job["reason"] is not None:
        return "its command had room for its note"
    return None


def _lie_about_a_failure(evidence: Evidence, job: JobRow, run: Run) -> str | None:
    if job["reason"] == "timed_out" and not job["timeout_seconds"]:
        return "it has no time limit"
    ended_by_itself = run.ended_at is not None and not run.was_asked_to_end
    if job["reason"] == "output_limit" and ended_by_itself and _printed_little(evidence, run):
        return f"its agent printed {run.printed} characters"
    if job["reason"] == "signal" and run.ended_at is not None and run.signal != job["signal"]:
        return f"its agent ended with {run.exit_code} (signal {run.signal}), reported was signal {job['signal']}"
    if (
        job["reason"] == "shim_died"
        and run.command == AGENT
        and not evidence.lost_its_keeper(job["job_id"], run.attempt)
    ):
        return "nobody killed its keeper"
    # A command that is not a real one may leave no note, and then nobody knows.
    is_known = run.command == AGENT or job["reason"] != "shim_died"
    is_good = ended_by_itself and run.exit_code == 0 and (run.printed or run.command != AGENT)
    if job["reason"] in _OWN_ENDS and is_known and is_good:
        return f"its agent ended with {run.exit_code} and printed {run.printed} characters"
    return None


def _printed_little(evidence: Evidence, run: Run) -> bool:
    limit = evidence.circumstances.output_limit_bytes
    return limit is not None and run.printed < limit / 4


def true_times(evidence: Evidence) -> Iterator[str]:
    """Promise 7, against the clocks of the processes themselves."""
    for job, run in evidence.ended_runs():
        if job["reason"] in _NOT_SEEN or not job["ended_at"] or not job["started_at"]:
            continue
        for wrong in (*_too_early(job, run), *_too_late(evidence, job, run)):
            yield f"job {job['job_id']} is {_name(job)}: {wrong}"


def _too_early(job: JobRow, run: Run) -> Iterator[str]:
    started_at, ended_at = _moment(job["started_at"]), _moment(job["ended_at"])
    if started_at > run.started_wall:
        yield f"it began {started_at - run.started_wall:.3f} s after its process"
    if run.ended_wall is None or run.ended_at is None:
        return
    if ended_at < run.ended_wall - CLOCKS_DIFFER_SECONDS:
        yield f"it ended {run.ended_wall - ended_at:.3f} s before its process"
    ran = run.ended_at - run.started_at
    if job["run_seconds"] is not None and job["run_seconds"] < ran - CLOCKS_DIFFER_SECONDS:
        yield f"it ran for {job['run_seconds']} s, its process for {ran:.3f} s"


def _too_late(evidence: Evidence, job: JobRow, run: Run) -> Iterator[str]:
    span = evidence.commands.get((run.job_id, run.attempt))
    if span is None or span.gone_at is None or evidence.lost_its_keeper(run.job_id, run.attempt):
        return
    late = CLOCKS_DIFFER_SECONDS + evidence.circumstances.late_seconds
    ended_at = _moment(job["ended_at"])
    if ended_at > span.gone_at + late:
        yield f"it ended {ended_at - span.gone_at:.3f} s after its command"
    lasted = span.gone_at - _moment(job["started_at"])
    if job["run_seconds"] is not None and job["run_seconds"] > lasted + late:
        yield f"it ran for {job['run_seconds']} s, its command for {lasted:.3f} s at most"


def nothing_after_its_end(evidence: Evidence) -> Iterator[str]:
    """Promise 5, looking back: once an attempt is told to be over, nothing of it writes that it lives."""
    over: dict[tuple[str, int | None], float] = {}
    for job_id in evidence.acknowledged:
        for event in evidence.events.get(job_id, []):
            if event["type"].startswith("job.") and event["data"].get("status") in AT_REST and _was_seen(event):
                over.setdefault((job_id, event["attempt"]), _moment(event["at"]))
    for life in evidence.lives:
        told_at = over.get((life.job_id, life.attempt))
        if told_at is not None and life.last_at > told_at:
            late = life.last_at - told_at
            who = f"{life.what} {life.pid} of job {life.job_id}"
            yield f"{who} lived {late:.3f} s after attempt {life.attempt} was over"


def _was_seen(event: EventRow) -> bool:
    return event["data"].get("reason") not in {*_NOT_SEEN, "cleanup_incomplete"}


def kept_output(evidence: Evidence) -> Iterator[str]:
    """Promise 9: of what an agent printed, the beginning and the end are the result's, and all of it has a bound."""
    for job, run in evidence.ended_runs():
        events = evidence.events.get(run.job_id, [])
        size = sum(len(json.dumps(event["data"], ensure_ascii=False)) for event in events)
        if size > EVENTS_BYTES_MAX:
            yield f"the events of job {run.job_id} hold {size} bytes"
        if job["status"] != "completed" or run.command != AGENT:
            continue
        limit = evidence.circumstances.output_limit_bytes
        if limit is not None and run.printed > limit:
            yield f"job {run.job_id} is completed, and its agent printed {run.printed} characters of {limit} bytes"
        if (wrong := _wrong_result(events, run)) is not None and not _lost_on_its_way(evidence, run):
            yield f"the result of job {run.job_id} {wrong}"


def _lost_on_its_way(evidence: Evidence, run: Run) -> bool:
    """A command that is refused keeps what it has to say on its own disk."""
    span = evidence.commands.get((run.job_id, run.attempt))
    return span is not None and evidence.was_refused(run.started_wall, span.gone_at or run.started_wall)


def _wrong_result(events: list[EventRow], run: Run) -> str | None:
    results = [event for event in events if event["type"] == "result" and event["attempt"] == run.attempt]
    if not results:
        return "is missing"
    text = str(results[-1]["data"].get("text"))
    if not text.startswith(run.head):
        return f"begins with {text[: len(run.head)]!r}, its agent with {run.head!r}"
    if not text.endswith(run.tail):
        return f"ends with {text[-len(run.tail) :]!r}, its agent with {run.tail!r}"
    return None


def within_its_root(evidence: Evidence) -> Iterator[str]:
    """Promise 10: no job works outside the folder that jobs may work in."""
    root = evidence.circumstances.root
    for run in evidence.runs:
        if root is not None and not PurePath(run.folder).is_relative_to(root):
            yield f"attempt {run.attempt} of job {run.job_id} worked in {run.folder}, outside {root}"


def no_mistakes(evidence: Evidence) -> Iterator[str]:
    """Promise 11: whatever is wrong with its machine, a runtime answers with a sentence and a status that say so."""
    yield from evidence.mistakes


def _name(job: JobRow) -> str:
    return " ".join(word for word in (job["status"], job["reason"]) if word)


def _moment(told: str | None) -> float:
    assert told is not None
    return datetime.fromisoformat(told).timestamp()
