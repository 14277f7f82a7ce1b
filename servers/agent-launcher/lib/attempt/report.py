"""From a keeper's verdict to what the runtime is told."""

from __future__ import annotations

from lib.attempt.folder import RunFolder
from lib.wire.models import Job, JsonObject, Report, integer_of, iso_time, number_of, text_of, texts_of

# What ends an attempt against its will, but not by a stop that someone asked for.
_FAILURES = frozenset(
    {
        *("timed_out", "output_limit", "spawn_failed", "invalid_parameters", "project_dir_refused"),
        *("shim_died", "host_rebooted"),
    }
)


def report_of(job: Job, folder: RunFolder, verdict: JsonObject) -> Report:
    """Decide the outcome: exit code 0 is completed, an end by our stop is stopped, anything else is failed."""
    outcome = folder.read_outcome()
    reason = text_of(verdict, "reason")
    exit_code, number = integer_of(verdict, "exit_code"), integer_of(verdict, "signal")
    leftovers = texts_of(verdict, "leftovers")
    name = _outcome(reason, exit_code)
    if reason is None and name == "failed":
        exit_code, number = _end_of_agent(outcome) or (exit_code, number)
    usage = outcome.get("usage")
    return Report(
        outcome=name,
        error=_with_leftovers(_error(job, folder, verdict, outcome, name), leftovers),
        reason=_reason(name, reason, outcome, number, leftovers),
        exit_code=exit_code,
        signal=number,
        ended_at=iso_time(number_of(verdict, "ended_at") or 0.0),
        log_bytes=folder.output_bytes(),
        usage=usage if isinstance(usage, dict) else {},
        cost_usd=number_of(outcome, "cost_usd"),
    )


def _end_of_agent(outcome: JsonObject) -> tuple[int | None, int | None] | None:
    """Return the exit code or the signal of the agent itself, where its command says it: the command has its own."""
    code, number = integer_of(outcome, "agent_exit_code"), integer_of(outcome, "agent_signal")
    return None if code is None and number is None else (code, number)


def _outcome(reason: str | None, exit_code: int | None) -> str:
    if reason is None:
        return "completed" if exit_code == 0 else "failed"
    return "failed" if reason in _FAILURES else "stopped"


def _reason(
    name: str, reason: str | None, outcome: JsonObject, number: int | None, leftovers: tuple[str, ...]
) -> str | None:
    if name == "failed":
        return reason or text_of(outcome, "reason") or ("signal" if number is not None else "nonzero_exit")
    return "cleanup_incomplete" if leftovers else reason


def _error(job: Job, folder: RunFolder, verdict: JsonObject, outcome: JsonObject, name: str) -> str | None:
    if name != "failed":
        return None
    own = text_of(verdict, "error")
    if own is not None:
        return own
    tail = text_of(outcome, "error") or folder.output_tail()
    ended = _how_it_ended(job, folder, verdict)
    if text_of(verdict, "reason") is not None:
        return f"{ended}\n{tail}" if tail else ended
    return tail or f"{ended} without any output"


def _how_it_ended(job: Job, folder: RunFolder, verdict: JsonObject) -> str:
    reason = text_of(verdict, "reason")
    if reason == "timed_out":
        return (
            f"stopped after its time limit of {job.timeout_seconds:g} s"
            if job.timeout_seconds
            else "stopped after its time limit"
        )
    if reason == "output_limit":
        return f"stopped because it wrote more than it may: {folder.output_bytes()} bytes"
    number = integer_of(verdict, "signal")
    return (
        f"the command was ended by signal {number}"
        if number
        else f"the command ended with code {integer_of(verdict, 'exit_code')}"
    )


def _with_leftovers(error: str | None, leftovers: tuple[str, ...]) -> str | None:
    if not leftovers:
        return error
    named = f"cleanup_incomplete: these processes could not be ended: {', '.join(leftovers)}"
    return f"{error}\n{named}" if error else named
