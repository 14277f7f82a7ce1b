"""What an agent does, written down: each event of a backend becomes an event of the session."""

from collections.abc import Callable
from typing import assert_never

from agent_backends.protocol import (
    AgentEvent,
    BackendSession,
    Ending,
    Looped,
    Message,
    Outcome,
    Role,
    Stalled,
    Started,
    Stirred,
    ToolAnswered,
    ToolCalled,
    Turn,
    Usage,
    Verified,
)
from agent_backends.turn.bounded_events import BoundedEvents
from agent_backends.turn.head_commit import head_commit
from runtime_client.sending.shortening import cut_to_bytes, shortened
from runtime_client.wire import Json, JsonObject

# The runtime takes events of up to 1 MiB; what a whole output was is in the job's log.
RESULT_BYTES_MAX = 768 * 1024


class Recorder:
    """Translates, takes the secrets out, and hands over to whoever sends; it never waits and never decides.

    Shape:   `send` takes an event's type and data, `remember` what is to be known of the session from now on.
    """

    def __init__(
        self, turn: Turn, send: Callable[[str, JsonObject], None], remember: Callable[[JsonObject], None]
    ) -> None:
        self._turn = turn
        # Before anything runs: what the agent commits is not where it began.
        self._commit = head_commit(turn.project_dir)
        self._hidden = turn.secrets.hidden_in_object
        self._send = send
        self._bounded = BoundedEvents(send)
        self._remember = remember
        self._has_begun = False

    def record(self, event: AgentEvent) -> None:
        """Write down one event of the backend."""
        match event:
            case Started():
                self._record_start(event)
            case BackendSession():
                self._remember({"backend_session_id": event.backend_session_id})
            case Message():
                self._send_shortened("message", {"role": event.role.value, "text": event.text})
            case ToolCalled():
                call: JsonObject = {"tool_call_id": event.tool_call_id, "tool": event.tool, "input": event.input}
                self._send_shortened("pre_tool", call)
            case ToolAnswered():
                answer: JsonObject = {
                    "tool_call_id": event.tool_call_id,
                    "tool": event.tool,
                    "output": event.output,
                    "is_error": event.is_error,
                }
                self._send_shortened("post_tool", answer)
            case Stalled():
                self._record_stall(event)
            case Stirred():
                stirred: JsonObject = {"detail": event.detail, "silent_seconds": round(event.silent, 1)}
                self._send_shortened("session.stirred", stirred)
            case Looped():
                loop: JsonObject = {"detail": event.detail, "tool": event.tool, "times": event.times}
                self._send_shortened("session.looped", loop)
            case _:
                assert_never(event)

    def go_on(self, turn: Turn) -> None:
        """Write down from now on what the same agent does with another prompt."""
        self._turn = turn

    def record_verification(self, found: Verified) -> None:
        """Write down how a verification ended."""
        told: JsonObject = {
            "passed": found.is_passed,
            "command": list(found.command),
            "exit_code": found.exit_code,
            "signal": found.signal,
            "error": found.error,
            "run_seconds": found.seconds,
            "output": found.output,
        }
        self._send_shortened("verification", told)

    def record_end(self, outcome: Outcome, ended: JsonObject) -> None:
        """Write down how the turn ended; `ended` says with which exit code or by which signal."""
        self._bounded.finish()
        if outcome.ending is Ending.COMPLETED or outcome.result_text:
            self._send("result", _result(outcome, self._bounded.left_out))
        reason = outcome.reason.value if outcome.reason is not None else outcome.ending.value
        self._send("session_stop", {"reason": reason, **ended, "error": outcome.error})

    def _send_shortened(self, kind: str, data: JsonObject) -> None:
        # Before it is shortened: a cut through a secret would leave a part of it that nobody recognizes.
        self._bounded.send(kind, shortened(self._hidden(data)))

    def _record_stall(self, event: Stalled) -> None:
        stall: JsonObject = {
            "detail": event.detail,
            "waits_for": event.waits_for,
            "tools": event.tools,
            "silent_seconds": round(event.silent, 1),
            "stops_in_seconds": None if event.stops_in is None else round(event.stops_in, 1),
        }
        self._send_shortened("session.stalled", stall)

    def _record_start(self, event: Started) -> None:
        turn = self._turn
        if self._has_begun:
            self.record(Message(turn.prompt, Role.USER))
            return
        self._has_begun = True
        folder = str(turn.project_dir)
        self._remember({"backend": turn.blueprint.backend, "project_dir": folder})
        self._send(
            "session_start",
            {
                "backend": turn.blueprint.backend,
                "model": event.model,
                "client": event.client,
                "project_dir": folder,
                "commit": self._commit,
                "resumed": turn.resumed,
                "agent_name": turn.blueprint.name,
            },
        )
        self.record(Message(turn.prompt, Role.USER))


def usage_as_json(usage: Usage | None) -> dict[str, Json]:
    """Return what was used, as the wire has it."""
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }


def _result(outcome: Outcome, left_out_events: int) -> JsonObject:
    output: JsonObject = {} if outcome.output is None else {"output": outcome.output}
    return {
        **output,
        "text": cut_to_bytes(outcome.result_text, RESULT_BYTES_MAX),
        "usage": usage_as_json(outcome.usage),
        "cost_usd": outcome.cost_usd,
        "model_calls": outcome.model_calls,
        "is_error": outcome.ending is Ending.FAILED,
        "left_out_events": left_out_events,
    }
