"""A job that a person typed: it is registered, claimed, run and reported like any other, by this very process."""

import contextlib
import signal
import tempfile
from pathlib import Path

from agent_backends.found_here import clients_here
from agent_backends.job.chosen_agent import say_chosen_agent
from agent_backends.job.run import Ended, JobInHand, Show, run_session
from agent_backends.processes.guard import guarded
from agent_backends.processes.signals import stop_signals_call
from agent_backends.protocol import CannotRunError, Ending, Outcome
from agent_backends.turn.build import JobOfTurn, build_turn
from agent_backends.turn.recording import usage_as_json
from agent_backends.turn.request import SessionRequest, Surroundings
from agent_backends.turn.run import StopSwitch
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError, UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.foreground import ForegroundLauncher, Report
from runtime_client.models import ClaimedJob, JobType
from runtime_client.reasons import Reason
from runtime_client.this_host import host_name
from runtime_client.wire import Json


def run_in_foreground(
    client: RuntimeClient, request: SessionRequest, around: Surroundings, show: Show | None = None
) -> Ended:
    """Run a job here and now, visible to and stoppable by everybody who can see the runtime.

    Errors:  RuntimeClientError, if the job cannot be created, begun or reported.
    """
    here = host_name(around.environment)
    _check_host(client, request, here)
    switch = StopSwitch()
    launcher = ForegroundLauncher(
        client, here, lambda: switch.press("asked by the runtime"), around.warn, _clients(request, around)
    )

    def interrupt(number: signal.Signals) -> None:
        switch.press(number)
        launcher.interrupt()

    try:
        with stop_signals_call(interrupt):
            say_chosen_agent(request, launcher.submit(request.order()), around.warn)
            claimed = launcher.claim()
            if claimed is None or not launcher.start():
                return Ended(Outcome(Ending.STOPPED), switch.exit_code)
            ended = _run_claimed(client, request, claimed, switch, around=around, show=show)
            launcher.report(_report_of(ended))
            return ended
    finally:
        launcher.leave()


def _clients(request: SessionRequest, around: Surroundings) -> list[Json] | None:
    """Tell what can run here, and with which accounts; of a named agent's client its try says what is amiss with it."""
    found = clients_here(around.installation.root / "agents", around.environment)
    if request.type is JobType.START_SESSION and request.agent_name is None:
        return found
    return [
        one for one in found if isinstance(one, dict) and one["program"] and one["is_signed_in"] is not False
    ] or None


def _run_claimed(
    client: RuntimeClient,
    request: SessionRequest,
    claimed: ClaimedJob,
    switch: StopSwitch,
    *,
    around: Surroundings,
    show: Show | None,
) -> Ended:
    try:
        session, agent = client.session_with_agent(claimed.session_id or claimed.session_name)
        turn = build_turn(
            client,
            request,
            session,
            agent,
            job=JobOfTurn(claimed.job_id, claimed.attempt, claimed.session_token),
            around=around,
        )
    except CannotRunError as cause:
        return Ended(cause.outcome, ExitCode.JOB_FAILED)
    except RuntimeClientError as cause:
        return Ended(Outcome.failed(Reason.INTERNAL_ERROR, str(cause)), ExitCode.JOB_FAILED)
    folder = Path(tempfile.mkdtemp(prefix="agent-events-"))
    job = JobInHand(claimed.job_id, claimed.attempt, request.timeout_seconds, folder)
    with guarded(f"AGENT_JOB_ID={turn.environment['AGENT_JOB_ID']}"):
        ended = run_session(client, turn, job, switch, around.warn, show)
    with contextlib.suppress(OSError):  # not empty: it keeps events that could not be delivered
        folder.rmdir()
    return ended


def _report_of(ended: Ended) -> Report:
    outcome = ended.outcome
    facts: dict[str, Json] = ended.told_exit()
    if outcome.usage is not None:
        facts["usage"] = usage_as_json(outcome.usage)
    if outcome.is_checked:
        facts["checked"] = True
    if outcome.cost_usd is not None:
        facts["cost_usd"] = outcome.cost_usd
    match outcome.ending:
        case Ending.COMPLETED:
            return Report("completed", {**facts, "status": "success"})
        case Ending.STOPPED:
            return Report("stopped", {**facts, "reason": "stopped_by_user"})
        case Ending.FAILED:
            reason = None if outcome.reason is None else outcome.reason.value
            if outcome.limit is not None:
                facts["limit"] = outcome.limit.as_json()
            return Report("failed", {**facts, "error": outcome.error or "", "reason": reason})


def _check_host(client: RuntimeClient, request: SessionRequest, here: str) -> None:
    if request.type is not JobType.RESUME_SESSION:
        return
    home = client.session(request.session_name).hostname
    if home is not None and home != here:
        raise UsageError(
            f"cannot resume session {request.session_name!r} here: it lives on {home!r},"
            f" this is {here!r} (use --detach, and a launcher there runs it; or set AGENT_HOST_NAME if it is the same)"
        )
