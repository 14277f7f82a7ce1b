"""A job that a launcher started this process for: the launcher learns its end from the exit status."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agent_backends.job.note import write_note
from agent_backends.job.run import Ended, JobInHand, run_session
from agent_backends.protocol import CannotRunError, Outcome, Turn
from agent_backends.turn.build import JobOfTurn, build_turn
from agent_backends.turn.recording import usage_as_json
from agent_backends.turn.request import Caller, SessionRequest, Surroundings
from agent_backends.turn.run import StopSwitch
from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.reasons import Reason
from runtime_client.retry import Retry
from runtime_client.wire import Json, JsonObject

# A runtime that restarts is back within seconds; a job that gave up at once would be recorded as failed for nothing.
PATIENCE_SECONDS = 120.0


def run_launched(
    client: RuntimeClient,
    request: SessionRequest,
    caller: Caller,
    around: Surroundings,
    *,
    is_logged: bool,
) -> Ended:
    """Run the launcher's job; whatever keeps it from running is its outcome too.

    Shape:   with `is_logged` what a program prints goes to our standard output as it comes.
    """
    job_id = caller.job_id or ""
    try:
        turn = Retry(time.sleep, PATIENCE_SECONDS, most_seconds=5.0).call(
            lambda: _fetch(client, request, caller, around),
            lambda error, failures: around.warn(f"waiting for the runtime: {error}") if failures == 1 else None,
        )
    except CannotRunError as cause:
        return Ended(cause.outcome, ExitCode.JOB_FAILED)
    except RuntimeClientError as cause:
        return Ended(_outcome_of(cause, request), ExitCode.JOB_FAILED)
    job = JobInHand(job_id, caller.attempt, None, _spool_folder(caller))
    return run_session(client, replace(turn, is_logged=is_logged), job, StopSwitch(), around.warn)


def _fetch(client: RuntimeClient, request: SessionRequest, caller: Caller, around: Surroundings) -> Turn:
    session, agent = client.session_with_agent(around.environment.get("AGENT_SESSION_ID") or request.session_name)
    return build_turn(
        client,
        request,
        session,
        agent,
        job=JobOfTurn(
            caller.job_id or "", caller.attempt, around.environment.get("AGENT_RUNTIME_TOKEN"), is_launched=True
        ),
        around=around,
    )


def _outcome_of(cause: RuntimeClientError, request: SessionRequest) -> Outcome:
    is_gone = isinstance(cause, RefusedError) and cause.http_status == 404 and cause.code == "session_unknown"
    reason = Reason.SESSION_NOT_FOUND if is_gone else Reason.INTERNAL_ERROR
    return Outcome.failed(reason, f"cannot run session {request.session_name!r}: {cause}")


def _spool_folder(caller: Caller) -> Path:
    if caller.outcome_file is not None and os.access(caller.outcome_file.parent, os.W_OK):
        return caller.outcome_file.parent
    return Path(tempfile.mkdtemp(prefix="agent-events-"))


def leave_note(path: Path | None, ended: Ended, unwritten: str | None, warn: Callable[[str], None]) -> None:
    """Leave the last note, if a launcher asked for one; `unwritten` says what of the output could not be written."""
    if path is None:
        return
    try:
        write_note(path, _note(ended, unwritten))
    except OSError as cause:
        # The session's events have all of it, and a launcher that finds no note says so in its report.
        warn(f"cannot write the outcome to {str(path)!r}: {cause.strerror}")


def _note(ended: Ended, unwritten: str | None) -> JsonObject:
    """Say the exit status too, for a keeper that did not see the end."""
    outcome = ended.outcome
    note: dict[str, Json] = {"ending": outcome.ending.value, "exit_code": int(ended.exit_code)}
    if outcome.exit_code is not None:
        note["agent_exit_code"] = outcome.exit_code
    if outcome.signal is not None:
        note["agent_signal"] = outcome.signal
    if outcome.reason is not None:
        note["reason"] = outcome.reason.value
    if outcome.error is not None:
        note["error"] = outcome.error
    if outcome.usage is not None:
        note["usage"] = usage_as_json(outcome.usage)
    if outcome.cost_usd is not None:
        note["cost_usd"] = outcome.cost_usd
    if outcome.limit is not None:
        note["limit"] = outcome.limit.as_json()
    if outcome.is_checked:
        note["checked"] = True
    if unwritten is not None:
        note["unwritten"] = unwritten
    return note
