"""What `ao-start` and `ao-resume` do with a job that this process runs: for a launcher, or in the foreground."""

from dataclasses import replace

from agent_backends.job.run import Ended
from agent_backends.protocol import Outcome
from agent_backends.turn.request import Caller, SessionRequest, Surroundings
from runtime_client.client import RuntimeClient
from runtime_client.errors import CannotPrintError
from runtime_client.terminal.command_line import print_json, print_text, say
from runtime_client.wire import JsonObject


def run_job(
    client: RuntimeClient,
    request: SessionRequest,
    caller: Caller,
    around: Surroundings,
    *,
    as_json: bool,
    is_shown: bool = False,
) -> int:
    """Run it, print what came of it, and return the agent's exit status, whatever becomes of what is printed.

    Shape:   with `is_shown` a person sees what happens, in the foreground.

    Errors:  RuntimeClientError.
    """
    # Imported late: each needs what the other does not.
    if caller.runs_job_of(request.session_name):
        from agent_backends.job.launched import leave_note, run_launched

        ended = run_launched(client, request, caller, around, is_logged=not as_json)
        unwritten = _print_end(request, ended, as_json=as_json)
        leave_note(caller.outcome_file, ended, unwritten, around.warn)
    else:
        ended = _run_here(client, request, around, is_shown=is_shown)
        _print_end(request, ended, as_json=as_json)
    return ended.exit_code


def _run_here(client: RuntimeClient, request: SessionRequest, around: Surroundings, *, is_shown: bool) -> Ended:
    from agent_backends.job.foreground import run_in_foreground

    if not is_shown:
        return run_in_foreground(client, request, around)
    from agent_backends.job.live_view import LiveView

    view = LiveView(request.session_name)
    ended = run_in_foreground(client, request, around, view.show)
    view.close(ended.outcome)
    # A person is told what helps, too.
    return replace(ended, outcome=replace(ended.outcome, error=_with_help(request, ended.outcome)))


def _with_help(request: SessionRequest, outcome: Outcome) -> str | None:
    if outcome.error is None or outcome.reason is None:
        return outcome.error
    from runtime_client.why import sentence

    return sentence(outcome.reason.value, outcome.error, request.session_name)


def _print_end(request: SessionRequest, ended: Ended, *, as_json: bool) -> str | None:
    """Print what the agent left; that this fails is our trouble and not the agent's: it is said and returned."""
    unwritten = None
    try:
        if as_json:
            print_json(_as_json(request, ended))
        else:
            print_text(_still_to_print(ended.outcome))
    except CannotPrintError as cause:
        unwritten = f"{cause} (the session has the result: ao-get-result {request.session_name})"
    except BrokenPipeError:
        pass  # whoever read it has had enough
    for sentence in (unwritten, ended.outcome.error or _stop_sentence(request, ended)):
        if sentence is not None and (error := say(sentence)) is not None:
            unwritten = unwritten or f"cannot write to standard error: {error.strerror}"
    return unwritten or ended.outcome.unwritten


def _still_to_print(outcome: Outcome) -> str:
    if not outcome.is_printed:
        return outcome.result_text
    # What we say next shall not stand on a line of the program's.
    return "\n" if outcome.result_text and not outcome.result_text.endswith("\n") else ""


def _as_json(request: SessionRequest, ended: Ended) -> JsonObject:
    outcome = ended.outcome
    return {
        "session_name": request.session_name,
        "status": outcome.ending.value,
        "result": outcome.result_text,
        "reason": None if outcome.reason is None else outcome.reason.value,
        "error": outcome.error,
        "cost_usd": outcome.cost_usd,
        **ended.told_exit(),
    }


def _stop_sentence(request: SessionRequest, ended: Ended) -> str | None:
    return f"session {request.session_name!r} was stopped" if ended.exit_code else None
