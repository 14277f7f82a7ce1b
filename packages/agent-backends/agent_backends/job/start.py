"""What `ao-start` and `ao-resume` do: run a launcher's job, hand a job to the queue, or run one in the foreground."""

from dataclasses import dataclass

from agent_backends.job.note import withdraw
from agent_backends.job.run import Ended
from agent_backends.turn.request import Caller, SessionRequest, Surroundings
from runtime_client.client import RuntimeClient
from runtime_client.wire import JsonObject


@dataclass(frozen=True)
class CommandAnswer:
    """What the command prints: the object for `--json`, the text for people, the sentence if it failed."""

    json: JsonObject
    text: str
    error: str | None
    exit_code: int


def start(client: RuntimeClient, request: SessionRequest, around: Surroundings, *, is_detached: bool) -> CommandAnswer:
    """Do what was asked, in the way that the environment calls for.

    Errors:  RuntimeClientError.
    """
    caller = Caller.read(around.environment)
    # Imported late: handing over a job needs neither asyncio nor a backend.
    if caller.runs_job_of(request.session_name):
        from agent_backends.job.launched import run_launched

        return _answer(request, run_launched(client, request, caller, around))
    withdraw(caller)
    if is_detached:
        job = client.create_job(request.order())
        return CommandAnswer(job.raw, job.job_id, None, 0)
    from agent_backends.job.foreground import run_in_foreground

    return _answer(request, run_in_foreground(client, request, around))


def _answer(request: SessionRequest, ended: Ended) -> CommandAnswer:
    outcome = ended.outcome
    answer: JsonObject = {
        "session_name": request.session_name,
        "status": outcome.ending.value,
        "result": outcome.result_text,
        "reason": None if outcome.reason is None else outcome.reason.value,
        "error": outcome.error,
        "cost_usd": outcome.cost_usd,
        **ended.told_exit(),
    }
    error = outcome.error if outcome.error is not None else _stop_sentence(request, ended)
    return CommandAnswer(answer, outcome.result_text, error, ended.exit_code)


def _stop_sentence(request: SessionRequest, ended: Ended) -> str | None:
    return f"session {request.session_name!r} was stopped" if ended.exit_code else None
