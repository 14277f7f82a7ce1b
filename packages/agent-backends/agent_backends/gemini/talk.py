"""One turn with Gemini CLI: the prompt goes in, its lines come out, and its exit says the rest."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from agent_backends.client.failures import died, one_line, reason_of_status
from agent_backends.client.limits_told import limit_told
from agent_backends.client.loose import part, whole, word
from agent_backends.client.process import ClientProcess
from agent_backends.client.words import Words
from agent_backends.gemini.launch import TITLE, prompt_of
from agent_backends.protocol import (
    BackendSession,
    Emit,
    Ending,
    Message,
    Outcome,
    Started,
    ToolAnswered,
    ToolCalled,
    Turn,
    Usage,
)
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

# Its own exit codes; from 144 on they are an HTTP status less 256.
_REASON_OF_EXIT: Mapping[int, Reason] = {41: Reason.BACKEND_AUTH, 53: Reason.BUDGET_EXCEEDED}
BAD_INPUT = 42
# It has no code for this, and ends with 0.
CUT_OFF = "Model stream ended without a finish reason"
EXIT_CODES = 256


class GeminiTalk:
    """Listens to a client that runs."""

    def __init__(self, process: ClientProcess, turn: Turn, emit: Emit) -> None:
        self._process = process
        self._turn = turn
        self._emit = emit
        self._words = Words(lambda text: emit(Message(text)))
        self._tools: dict[str, str] = {}
        self._is_started = False
        self._result: JsonObject | None = None
        self._complained = ""

    @property
    def last_text(self) -> str:
        """The text after the last tool call, else the last text before it."""
        return self._words.last_text

    async def run(self) -> Outcome:
        """Run the turn to its end."""
        # One that has ended already says why on its way out.
        with suppress(ConnectionError):
            await self._process.write(prompt_of(self._turn))
        self._process.close_input()
        async for message in self._process.messages():
            self._see(message)
        self._words.pause()
        return self._outcome(await self._process.wait_for_exit())

    async def ask_to_stop(self) -> None:
        """Send it the signal that it obeys; its commands are ended by whoever ends it."""
        self._process.ask_to_leave()

    def with_figures(self, outcome: Outcome) -> Outcome:
        """Add tokens."""
        used = part(self._result or {}, "stats")
        if not used:
            return outcome
        cached = whole(used, "cached")
        usage = Usage(
            input_tokens=max(0, whole(used, "input_tokens") - cached),
            output_tokens=whole(used, "output_tokens"),
            cache_read_tokens=cached,
        )
        return replace(outcome, usage=usage)

    def _see(self, message: JsonObject) -> None:
        match word(message, "type"):
            case "init":
                self._start(message)
            case "message" if word(message, "role") == "assistant":
                self._words.say(word(message, "content"))
            case "tool_use":
                self._words.work()
                self._tools[word(message, "tool_id")] = word(message, "tool_name")
                number, tool = word(message, "tool_id"), word(message, "tool_name")
                self._emit(ToolCalled(number, tool, message.get("parameters")))
            case "tool_result":
                self._answer(message)
            case "error":
                self._complained = one_line(word(message, "message"))
            case "result":
                self._result = message
            case _:
                pass

    def _start(self, message: JsonObject) -> None:
        if not self._is_started:
            self._is_started = True
            self._emit(Started(word(message, "model") or None, client={"name": TITLE}))
            self._emit(BackendSession(word(message, "session_id")))

    def _answer(self, message: JsonObject) -> None:
        number = word(message, "tool_id")
        is_error = word(message, "status") != "success"
        output = message.get("error") if is_error and message.get("error") else message.get("output")
        self._emit(ToolAnswered(number, self._tools.get(number, "unknown"), output, is_error=is_error))

    def _outcome(self, exit_code: int) -> Outcome:
        # It ends with 0 when it is stopped by a signal, too: the result is what says that the turn is done.
        result = self._result
        if result is None and not self._is_started and exit_code == BAD_INPUT and self._turn.backend_session_id:
            return self._conversation_unknown()
        if result is None and exit_code not in _REASON_OF_EXIT:
            return died(TITLE, exit_code, self._process.last_words, self.last_text)
        if exit_code or result is None or word(result, "status") != "success":
            return self._failed(result or {}, exit_code)
        if not self.last_text:
            sentence = f"{TITLE} ended the turn without an error and without a word (ask again)"
            return Outcome.failed(Reason.EMPTY_RESULT, sentence)
        return Outcome(Ending.COMPLETED, self.last_text)

    def _failed(self, result: JsonObject, exit_code: int) -> Outcome:
        untold = Reason.MODEL_UNREACHABLE if self._complained.startswith(CUT_OFF) else Reason.NONZERO_EXIT
        reason = _REASON_OF_EXIT.get(exit_code) or reason_of_status(exit_code + EXIT_CODES) or untold
        told = one_line(word(result, "error", "message")) or self._complained
        said = told or one_line(self._process.last_words) or "no explanation"
        sentence = f"{TITLE} could not finish the turn (exit code {exit_code}): {said}"
        limit = limit_told(reason, result, f"{said} {self._process.last_words}")
        return replace(Outcome.failed(reason, sentence, self.last_text), limit=limit)

    def _conversation_unknown(self) -> Outcome:
        return Outcome.failed(
            Reason.SESSION_NOT_FOUND,
            f"cannot resume session {self._turn.session_name!r}: {TITLE} has no conversation"
            f" {self._turn.backend_session_id!r} for this user and folder: {one_line(self._process.last_words)}"
            " (start a new session)",
        )
