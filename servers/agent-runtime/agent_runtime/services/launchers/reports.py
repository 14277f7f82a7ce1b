"""What a launcher tells of an attempt: that it may start, how it ended, that it never began."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from agent_runtime.domain.checks import UNCHECKED
from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import TERMINAL, Job, JobStatus, Move, Usage
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.quota_hold import Limit
from agent_runtime.domain.reasons import Reason, SuccessReason
from agent_runtime.services.jobs.giving_way import put_aside
from agent_runtime.services.jobs.moves import emit_job_event, move_job
from agent_runtime.services.jobs.retries import next_try, put_back
from agent_runtime.services.launchers.presence import check_known, may_be_corrected, see
from agent_runtime.services.launchers.told_by_events import Told, told_by_events
from agent_runtime.services.ports.store import JobChanges, SessionChanges, Transaction

# A launcher that cannot run anything declines at once; without a pause it would be asked again at once.
PAUSE_AFTER_DECLINED = timedelta(seconds=2)
ERROR_CHARACTERS_MAX = 16_384
_KNOWN_REASONS = frozenset(reason.value for reason in Reason)


@dataclass(frozen=True)
class Proof:
    """Which attempt a launcher speaks of, and what proves that it is its own.

    Shape:   `attempt` and `token` are None from a launcher that knows only the simplest calls; it is then
             the launcher's id alone that must be the current one.
    """

    job_id: JobId
    launcher_id: LauncherId
    attempt: int | None = None
    token: str | None = None


@dataclass(frozen=True)
class Report:
    """How an attempt ended, as its launcher saw it.

    Shape:   `run_seconds` is by a clock that nobody sets; `ended_at` is by the launcher's own, which may be wrong.
             `limit` is what the agent's client said of a limit that it ran into.
             `is_checked` when its command says that what the job asks of its end holds.
             `is_cut_short` when the launcher's machine could not write all of what its command had to say.
    """

    proof: Proof
    outcome: JobStatus
    reason: str | None = None
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage | None = None
    ended_at: datetime | None = None
    run_seconds: float | None = None
    log_bytes: int | None = None
    is_cut_short: bool = False
    limit: Limit = field(default_factory=Limit)
    is_checked: bool = False


@dataclass(frozen=True)
class Reported:
    """The job after a report; `refused` is the code when the report was not taken and only kept in the audit."""

    job: Job
    refused: str | None = None


def start(tx: Transaction, proof: Proof) -> Job:
    """Allow an attempt to begin; the launcher lets the process go only after this.

    Errors:  NotFound, also of a launcher that has left; Conflict `not_current`, `stop_requested` or `already_ended`.
    """
    job, launcher = _current(tx, proof)
    if job.status in (JobStatus.CLAIMED, JobStatus.LOST):
        # What runs at a launcher that has left nobody would miss: it must come back first, and say what it holds.
        check_known(launcher, proof.launcher_id)
    match job.status:
        case JobStatus.RUNNING:
            return job
        case JobStatus.CLAIMED:
            return _start(tx, job, launcher) or start(tx, proof)
        case JobStatus.LOST:
            return move_job(tx, job, Move.HEAL, JobStatus.RUNNING, {}) or start(tx, proof)
        case JobStatus.STOPPED if job.started_at is None:
            raise Conflict("stop_requested", f"job '{job.id}' was stopped before it started (do not start it)")
        case JobStatus.STOPPED | JobStatus.COMPLETED | JobStatus.FAILED:
            raise Conflict("already_ended", f"job '{job.id}' is over: it is '{job.status}' (do not start it)")
        case JobStatus.PENDING:
            raise _not_current(job, proof)
        case _:
            assert_never(job.status)


def decline(tx: Transaction, proof: Proof, reason: str | None, error: str | None) -> Job:
    """Take a claim back of which nothing ran.

    Errors:  NotFound; Conflict `already_started`, `already_ended` or `not_current`.
    """
    job = current_job(tx, proof)
    if job.status in (JobStatus.RUNNING, JobStatus.LOST):
        raise Conflict(
            "already_started",
            f"attempt {job.attempt} of job '{job.id}' was allowed to start (start it, or report how it ended)",
        )
    if job.status is not JobStatus.CLAIMED:
        raise Conflict("already_ended", f"job '{job.id}' is over: it is '{job.status}'")
    session = tx.sessions.get(job.session_id)
    assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
    emit_job_event(
        tx, session, job, "job.declined", {"launcher_id": proof.launcher_id, "reason": reason, "error": _short(error)}
    )
    changes: JobChanges = {"not_before": tx.now + PAUSE_AFTER_DECLINED, "error": _short(error)}
    return move_job(tx, job, Move.RELEASE, JobStatus.PENDING, changes) or decline(tx, proof, reason, error)


def finish(tx: Transaction, report: Report) -> Reported:
    """Take the end of an attempt: the first report wins, the same one again is harmless.

    Another report is refused and kept in the audit. A job that was presumed dead takes its true end.

    Errors:  NotFound.
    """
    job = tx.jobs.get(report.proof.job_id)
    if job is None:
        raise _unknown(report.proof)
    report = _held_to_checks(job, report)
    launcher = _see_caller(tx, report.proof)
    if not _is_current(job, report.proof):
        return Reported(job) if _is_taken_already(tx, job, report) else _refuse(tx, job, report, "not_current")
    if job.status is JobStatus.CLAIMED:
        # A launcher may learn that the process cannot even begin before it has said that it starts.
        job = _start(tx, job, launcher) or job
    if job.status is JobStatus.RUNNING:
        return _end(tx, job, report, Move.FINISH)
    if job.status is JobStatus.LOST or may_be_corrected(tx, job):
        return _end(tx, job, report, Move.HEAL)
    told = _told(tx, job, report)
    reason, _ = _reason(job, report, told)
    exit_code, _ = _figures(report, told)
    if (job.status, job.exit_code, job.reason) == (report.outcome, exit_code, reason):
        return Reported(job)
    return _refuse(tx, job, report, "already_ended")


def _is_taken_already(tx: Transaction, job: Job, report: Report) -> bool:
    """Tell whether this is the end of an attempt that is followed by another one, told again after a lost answer."""
    token, told = report.proof.token, (report.outcome, report.exit_code)
    past = tx.jobs.past_attempts(job.id) if token is not None else ()
    return any(one.token == token and (one.status, one.exit_code) == told for one in past)


def _held_to_checks(job: Job, report: Report) -> Report:
    """Take a success of which something is asked only with a word of whoever checked it."""
    if report.outcome is not JobStatus.COMPLETED or report.is_checked or not job.has_checks:
        return report
    return replace(report, outcome=JobStatus.FAILED, reason=Reason.UNWITNESSED, error=UNCHECKED)


def current_job(tx: Transaction, proof: Proof) -> Job:
    """Read the job of an attempt that must be the current one.

    Errors:  NotFound; Conflict `not_current`.
    """
    return _current(tx, proof)[0]


def _current(tx: Transaction, proof: Proof) -> tuple[Job, Launcher | None]:
    job = tx.jobs.get(proof.job_id)
    if job is None:
        raise _unknown(proof)
    launcher = _see_caller(tx, proof)
    if not _is_current(job, proof):
        raise _not_current(job, proof)
    return job, launcher


def _see_caller(tx: Transaction, proof: Proof) -> Launcher | None:
    # The token decides, not the launcher: the truth counts even from one that was given up.
    launcher = tx.launchers.get(proof.launcher_id)
    if launcher is not None and launcher.status != "gone":
        return see(tx, launcher, refusal=launcher.refusal)
    return launcher


def _is_current(job: Job, proof: Proof) -> bool:
    # A launcher that lost its identity goes by another one: what ran it has adopted, what is over its token proves.
    is_proved = job.status in TERMINAL and proof.token is not None
    if job.launcher_id != proof.launcher_id and not is_proved:
        return False
    return proof.attempt in (None, job.attempt) and proof.token in (None, job.token)


def _unknown(proof: Proof) -> NotFound:
    return NotFound("job_unknown", f"no job '{proof.job_id}' (it may have been deleted with its session)")


def _not_current(job: Job, proof: Proof) -> Conflict:
    attempt = "the attempt" if proof.attempt is None else f"attempt {proof.attempt}"
    return Conflict(
        "not_current",
        f"{attempt} of job '{job.id}' is not the current one of launcher '{proof.launcher_id}': "
        f"attempt {job.attempt} is, and the job is '{job.status}' (end it without a report)",
    )


def _start(tx: Transaction, job: Job, launcher: Launcher | None) -> Job | None:
    learned: SessionChanges = {"launcher_id": job.launcher_id}
    if launcher is not None and launcher.hostname:
        learned["hostname"] = launcher.hostname
    begun: JobChanges = {
        "started_at": tx.now,
        "tries": job.tries + 1,
        "log_bytes": 0,
        # It was taken in time; if it ever waits again, then not because nobody wanted it.
        "queue_expires_at": None,
        "reason": None,
        "error": None,
        "exit_code": None,
        "signal": None,
    }
    return move_job(tx, job, Move.START, JobStatus.RUNNING, begun, session_changes=learned)


def _end(tx: Transaction, job: Job, report: Report, move: Move) -> Reported:
    told = _told(tx, job, report)
    reason, error = _reason(job, report, told)
    exit_code, signal = _figures(report, told)
    usage = report.usage or told.usage or Usage()
    ended_at, run_seconds = _times(job, report, tx.now)
    changes: JobChanges = {
        "ended_at": ended_at,
        "run_seconds": run_seconds,
        "reason": reason,
        "error": error,
        "exit_code": exit_code,
        "signal": signal,
        "log_bytes": max(job.log_bytes, report.log_bytes or 0),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_usd": usage.cost_usd,
    }
    is_failed = report.outcome is JobStatus.FAILED and reason is not None
    gives_way = is_failed and reason == Reason.GAVE_WAY and job.stop_requested_at is None
    ran = replace(job, run_seconds=run_seconds)
    is_tried = is_failed and not gives_way
    following = next_try(tx, ran, Reason(str(reason)), report.limit, error) if is_tried else None
    moved = move_job(tx, job, move, report.outcome, changes, stays_current=gives_way or following is not None)
    if moved is None:
        return finish(tx, report)
    if gives_way:
        return Reported(put_aside(tx, moved))
    return Reported(put_back(tx, moved, following) if following is not None else moved)


def _times(job: Job, report: Report, now: datetime) -> tuple[datetime, float]:
    """Tell when an attempt ended and how long it ran: as its launcher says, as far as that can be.

    Our own clock tells only when we heard of it, and may have been set meanwhile.
    """
    assert job.started_at is not None, f"job '{job.id}' ends and has started"
    earliest = job.started_at + timedelta(seconds=report.run_seconds or 0.0)
    told = report.ended_at or (now if report.run_seconds is None else earliest)
    ended_at = max(earliest, min(told, now))
    return ended_at, (ended_at - job.started_at).total_seconds() if report.run_seconds is None else report.run_seconds


def _told(tx: Transaction, job: Job, report: Report) -> Told:
    return told_by_events(tx, job) if report.is_cut_short else Told()


def _reason(job: Job, report: Report, told: Told) -> tuple[str | None, str | None]:
    """Find the code of why an attempt did not complete; one that we do not know is kept in the error."""
    error = _short(report.error)
    if _is_told_better(report, told):
        is_said = told.error is None or (error is not None and told.error in error)
        return told.reason, error if is_said else _short("\n".join(text for text in (told.error, error) if text))
    if report.outcome is JobStatus.COMPLETED:
        return report.reason if report.reason == SuccessReason.EXIT_STATUS_ONLY else None, error
    if report.outcome is JobStatus.STOPPED and report.reason in (None, Reason.STOPPED_BY_USER):
        # The launcher knows that it was told to stop; who wanted it, and why, only we know.
        return job.stop_reason or Reason.STOPPED_BY_USER, error
    if report.reason in _KNOWN_REASONS:
        return report.reason, error
    if report.reason is not None:
        error = f"{report.reason}: {error}" if error else report.reason
    if report.outcome is JobStatus.STOPPED:
        return job.stop_reason or Reason.STOPPED_BY_USER, error
    if report.signal is not None:
        return Reason.SIGNAL, error
    return Reason.INTERNAL_ERROR if report.exit_code == 0 else Reason.NONZERO_EXIT, error


def _figures(report: Report, told: Told) -> tuple[int | None, int | None]:
    """Find the exit code or the signal of the agent: of a command that could not say it, its own was reported."""
    is_told = told.exit_code is not None or told.signal is not None
    return (
        (told.exit_code, told.signal)
        if _is_told_better(report, told) and is_told
        else (report.exit_code, report.signal)
    )


def _is_told_better(report: Report, told: Told) -> bool:
    is_plain = report.outcome is JobStatus.FAILED and report.reason in (None, Reason.NONZERO_EXIT)
    return is_plain and told.reason is not None


def _refuse(tx: Transaction, job: Job, report: Report, code: str) -> Reported:
    session = tx.sessions.get(job.session_id)
    assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
    facts = {
        "code": code,
        "launcher_id": report.proof.launcher_id,
        "reported": report.outcome,
        "reason": report.reason,
        "exit_code": report.exit_code,
        "status": job.status,
    }
    emit_job_event(tx, session, job, "job.report_refused", facts, attempt=report.proof.attempt)
    return Reported(job, refused=code)


def _short(text: str | None) -> str | None:
    return None if text is None else text[-ERROR_CHARACTERS_MAX:]
