"""From a keeper's verdict to what the runtime is told."""

from __future__ import annotations

import signal
from datetime import datetime

from lib.attempt.folder import RunFolder
from lib.attempt.witness import NEVER_SAID, Witness, is_last_note, witness_of
from lib.wire.models import Job, JsonObject, Report, integer_of, iso_time, number_of, text_of, texts_of

NO_NOTE = "it left no note about its end"
_NAME_CHARACTERS = 200
# A day within what the runtime takes as a time, whatever the time zone.
_YEARS = range(2001, 2199)
KILLED_STATUS = 128 + signal.SIGKILL
# What ends an attempt against its will, but not by a stop that someone asked for.
_FAILURES = frozenset(
    {
        *("timed_out", "output_limit", "spawn_failed", "invalid_parameters", "project_dir_refused"),
        *("shim_died", "host_rebooted"),
    }
)


def report_of(job: Job, folder: RunFolder, verdict: JsonObject) -> Report:
    """Decide the outcome: exit code 0 with a witness is completed, an end by our stop is stopped, else it is failed."""
    outcome = folder.read_outcome()
    reason = text_of(verdict, "reason")
    exit_code, number = integer_of(verdict, "exit_code"), integer_of(verdict, "signal")
    leftovers = texts_of(verdict, "leftovers")
    unwritten = _unwritten(folder, outcome, exit_code)
    # The first note says nothing where the last one could not be written.
    witness = witness_of(outcome if is_last_note(outcome) or unwritten is None else {})
    name = _outcome(reason, exit_code, witness)
    is_missing = False
    if reason is None and name == "failed":
        # Whatever kept the last note from being written may be over by now.
        is_missing = exit_code != 0 and not is_last_note(outcome)
        exit_code, number = _end_of_agent(outcome) or (exit_code, number)
    usage = outcome.get("usage")
    ended_at = number_of(verdict, "ended_at")
    return Report(
        outcome=name,
        error=_joined(_error(job, folder, verdict, outcome, name), _of_leftovers(leftovers), _of_unwritten(unwritten)),
        reason=_reason(name, verdict, outcome, witness),
        exit_code=exit_code,
        signal=number,
        ended_at=iso_time(ended_at) if ended_at is not None else None,
        run_seconds=number_of(verdict, "seconds"),
        log_bytes=folder.output_bytes(),
        usage=usage if isinstance(usage, dict) else {},
        cost_usd=number_of(outcome, "cost_usd"),
        unwritten=unwritten or (NO_NOTE if is_missing else None),
        limit=_limit(outcome) if name == "failed" else None,
        checked=name == "completed" and outcome.get("checked") is True,
    )


def _end_of_agent(outcome: JsonObject) -> tuple[int | None, int | None] | None:
    """Return the exit code or the signal of the agent itself, where its command says it: the command has its own."""
    code, number = integer_of(outcome, "agent_exit_code"), integer_of(outcome, "agent_signal")
    return None if code is None and number is None else (code, number)


def _outcome(reason: str | None, exit_code: int | None, witness: Witness) -> str:
    if reason is None:
        return "completed" if exit_code == 0 and witness is not Witness.NONE else "failed"
    return "failed" if reason in _FAILURES else "stopped"


def _reason(name: str, verdict: JsonObject, outcome: JsonObject, witness: Witness) -> str | None:
    reason = text_of(verdict, "reason")
    if name == "failed":
        return reason or text_of(outcome, "reason") or _ending(verdict)
    if texts_of(verdict, "leftovers"):
        return "cleanup_incomplete"
    return witness.value or None if name == "completed" else reason


def _ending(verdict: JsonObject) -> str:
    if integer_of(verdict, "exit_code") == 0:
        return Witness.NONE
    return "signal" if integer_of(verdict, "signal") is not None else "nonzero_exit"


def _error(job: Job, folder: RunFolder, verdict: JsonObject, outcome: JsonObject, name: str) -> str | None:
    if name != "failed":
        return None
    own = text_of(verdict, "error")
    if own is not None:
        return own
    told = text_of(outcome, "error")
    tail = told or folder.output_tail()
    ended = _how_it_ended(job, folder, verdict)
    if text_of(verdict, "reason") is not None or (ended == NEVER_SAID and told is None):
        return f"{ended}\n{tail}" if tail else ended
    return (tail or f"{ended} without any output") + _hint(verdict)


def _hint(verdict: JsonObject) -> str:
    is_killed = integer_of(verdict, "signal") == signal.SIGKILL or integer_of(verdict, "exit_code") == KILLED_STATUS
    return " (killed from outside, most often because the memory ran out)" if is_killed else ""


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
    number, code = integer_of(verdict, "signal"), integer_of(verdict, "exit_code")
    if number:
        return f"the command was ended by signal {number}"
    return NEVER_SAID if code == 0 else f"the command ended with code {code}"


def _limit(outcome: JsonObject) -> JsonObject | None:
    """Return what the command says of a limit that its agent ran into, as far as the runtime would take it."""
    told = outcome.get("limit")
    if not isinstance(told, dict):
        return None
    name = "".join(filter(str.isprintable, text_of(told, "name") or ""))[:_NAME_CHARACTERS]
    return {"name": name or None, "retry_at": _time_in(told), "is_of_model": told.get("is_of_model") is True}


def _time_in(told: JsonObject) -> str | None:
    try:
        at = datetime.fromisoformat(text_of(told, "retry_at") or "")
        return iso_time(at.timestamp()) if at.year in _YEARS else None
    except (ValueError, OverflowError, OSError):
        return None


def _unwritten(folder: RunFolder, outcome: JsonObject, exit_code: int | None) -> str | None:
    if is_last_note(outcome) or exit_code is None:
        return text_of(outcome, "unwritten")
    return folder.why_not_written()


def _of_leftovers(leftovers: tuple[str, ...]) -> str | None:
    if not leftovers:
        return None
    return f"cleanup_incomplete: these processes could not be ended: {', '.join(leftovers)}"


def _of_unwritten(unwritten: str | None) -> str | None:
    return None if unwritten is None else f"disk_full: not all that it printed is kept here: {unwritten}"


def _joined(*sentences: str | None) -> str | None:
    return "\n".join(sentence for sentence in sentences if sentence is not None) or None
