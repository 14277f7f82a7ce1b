"""Runs one job's turn and reports it: the same for a job from a launcher and for one in the foreground."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from agent_backends.processes.signals import stop_signals_call
from agent_backends.protocol import Ending, Outcome, Turn
from agent_backends.redaction import Secrets
from agent_backends.turn.recording import Recorder
from agent_backends.turn.run import StopSwitch, in_this_process, run_turn
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.sending.event_sender import EventOrigin, EventSender
from runtime_client.wire import Json, JsonObject

Show: TypeAlias = Callable[[str, JsonObject], None]
"""Takes an event's type and what is in it."""

# The runtime may be away when the agent ends. The agent's words are worth waiting for; a signal ends the waiting.
FLUSH_SECONDS = 600.0
FLUSH_AFTER_STOP_SECONDS = 1.5


@dataclass(frozen=True)
class JobInHand:
    """The job that this process runs.

    Shape:   `spool_folder` takes the events that could not be delivered.
    """

    job_id: str
    attempt: int | None
    timeout_seconds: float | None
    spool_folder: Path


@dataclass(frozen=True)
class Ended:
    """How the job ended, and with which exit status this process should end too."""

    outcome: Outcome
    exit_code: int

    def told_exit(self) -> dict[str, Json]:
        """Return how the agent's own process ended, or else this one."""
        if self.outcome.signal is not None:
            return {"exit_code": None, "signal": self.outcome.signal}
        own = self.outcome.exit_code
        return {"exit_code": int(self.exit_code) if own is None else own}


def run_session(
    client: RuntimeClient,
    turn: Turn,
    job: JobInHand,
    switch: StopSwitch,
    warn: Callable[[str], None],
    show: Show | None = None,
) -> Ended:
    """Run one turn, and further ones while what the job asks of its end does not hold.

    What happens is sent as it happens, and shown if somebody looks; the last of it is waited for.
    """
    sender = EventSender(client, EventOrigin(turn.session_id, job.job_id, job.attempt), job.spool_folder, warn)
    recorder = Recorder(turn, sender.send if show is None else _both(sender.send, show), sender.remember)
    ran = _run(turn, recorder, switch, job.timeout_seconds, lambda: has_asked(client, turn.session_id))
    outcome = _without_secrets(ran, turn.secrets)
    exit_code = _exit_code_of(outcome, switch)
    ended = Ended(outcome, exit_code)
    recorder.record_end(outcome, ended.told_exit())
    _flush(sender, FLUSH_SECONDS if switch.cause is None else FLUSH_AFTER_STOP_SECONDS, warn)
    return ended


def _run(
    turn: Turn, recorder: Recorder, switch: StopSwitch, timeout_seconds: float | None, asks: Callable[[], bool]
) -> Outcome:
    checks = turn.checks
    if checks is None:
        return in_this_process(lambda: run_turn(turn, recorder.record, switch, timeout_seconds, asks), switch)
    # Imported late: few jobs ask for more than that their agent ends well.
    from agent_backends.turn.checked import run_checked

    return in_this_process(lambda: run_checked(turn, checks, recorder, switch, timeout_seconds, asks), switch)


def has_asked(client: RuntimeClient, session: str) -> bool:
    """Tell whether a question of the session is open; where nobody can say, it may be."""
    try:
        return bool(client.questions.list(status="open", session=session, limit=1))
    except RuntimeClientError:
        return True


def _both(send: Show, show: Show) -> Show:
    def do(kind: str, data: JsonObject) -> None:
        send(kind, data)
        show(kind, data)

    return do


def _without_secrets(outcome: Outcome, secrets: Secrets) -> Outcome:
    error = None if outcome.error is None else secrets.hidden_in(outcome.error)
    output = secrets.hidden_in_object({"output": outcome.output})["output"]
    return replace(outcome, result_text=secrets.hidden_in(outcome.result_text), error=error, output=output)


def _exit_code_of(outcome: Outcome, switch: StopSwitch) -> int:
    match outcome.ending:
        case Ending.COMPLETED:
            return ExitCode.SUCCESS
        case Ending.FAILED:
            return ExitCode.JOB_FAILED
        case Ending.STOPPED:
            return switch.exit_code


def _flush(sender: EventSender, flush_seconds: float, warn: Callable[[str], None]) -> None:
    def give_up(_: signal.Signals) -> None:
        sender.give_up()

    with stop_signals_call(give_up):
        undelivered = sender.close(flush_seconds)
    if undelivered is not None and undelivered.count:
        kept = "lost: no disk takes them" if undelivered.kept_in is None else f"kept in {str(undelivered.kept_in)!r}"
        warn(f"{undelivered.count} events were not delivered and are {kept}")
    if undelivered is not None and not undelivered.is_known:
        warn("the runtime may not know the agent's own session id: a resume may begin a new conversation")
