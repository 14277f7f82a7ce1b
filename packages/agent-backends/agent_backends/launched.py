"""A job that a launcher started this process for: the launcher learns its end from the exit status."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agent_backends.cannot_run import CannotRunError
from agent_backends.outcome_file import write_outcome
from agent_backends.protocol import Ending, Outcome, Turn
from agent_backends.request import Caller, SessionRequest, Surroundings
from agent_backends.session_run import Ended, JobInHand, run_session
from agent_backends.turn_building import build_turn
from agent_backends.turn_run import StopSwitch
from runtime_client.backoff import Backoff
from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.reasons import Reason

# A runtime that restarts is back within seconds; a job that gave up at once would be recorded as failed for nothing.
PATIENCE_SECONDS = 120.0

Value = TypeVar("Value")


def run_launched(
    client: RuntimeClient,
    request: SessionRequest,
    caller: Caller,
    around: Surroundings,
) -> Ended:
    """Run the launcher's job, and leave a note of its outcome for the launcher."""
    job_id = caller.job_id or ""
    try:
        turn = _patiently(lambda: _fetch(client, request, job_id, around), around.warn)
    except CannotRunError as cause:
        ended = Ended(cause.outcome, ExitCode.JOB_FAILED)
    except RuntimeClientError as cause:
        ended = Ended(_outcome_of(cause, request), ExitCode.JOB_FAILED)
    else:
        job = JobInHand(job_id, caller.attempt, None, _spool_folder(caller))
        ended = run_session(client, turn, job, StopSwitch(), around.warn)
    if caller.outcome_file is not None:
        _leave_note(caller.outcome_file, ended, around.warn)
    return ended


def _fetch(client: RuntimeClient, request: SessionRequest, job_id: str, around: Surroundings) -> Turn:
    session = client.session(around.environment.get("AGENT_SESSION_ID") or request.session_name)
    return build_turn(
        client,
        request,
        session,
        job_id=job_id,
        around=around,
        session_token=around.environment.get("AGENT_RUNTIME_TOKEN"),
    )


def _patiently(call: Callable[[], Value], warn: Callable[[str], None]) -> Value:
    deadline = time.monotonic() + PATIENCE_SECONDS
    backoff = Backoff(most_seconds=5.0)
    while True:
        try:
            return call()
        except RuntimeClientError as error:
            pause = backoff.next_seconds()
            if not error.is_passing or time.monotonic() + pause > deadline:
                raise
            if backoff.tries == 1:
                warn(f"waiting for the runtime: {error}")
            time.sleep(pause)


def _outcome_of(cause: RuntimeClientError, request: SessionRequest) -> Outcome:
    is_gone = isinstance(cause, RefusedError) and cause.http_status == 404
    return Outcome(
        Ending.FAILED,
        reason=Reason.SESSION_NOT_FOUND if is_gone and cause.code == "session_unknown" else Reason.INTERNAL_ERROR,
        error=f"cannot run session {request.session_name!r}: {cause}",
    )


def _spool_folder(caller: Caller) -> Path:
    if caller.outcome_file is not None and os.access(caller.outcome_file.parent, os.W_OK):
        return caller.outcome_file.parent
    return Path(tempfile.mkdtemp(prefix="agent-events-"))


def _leave_note(path: Path, ended: Ended, warn: Callable[[str], None]) -> None:
    try:
        write_outcome(path, ended.outcome, int(ended.exit_code))
    except OSError as cause:
        warn(f"cannot write the outcome to {str(path)!r}: {cause.strerror}")
