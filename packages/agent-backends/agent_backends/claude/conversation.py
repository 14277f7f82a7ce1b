"""One turn with a running client: the prompt goes in, events come out, one outcome ends it."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from agent_backends.claude.events import EventEmitter
from agent_backends.claude.failures import ClientResult, limit_in, reason_of, sentence_of
from agent_backends.claude.messages import member, number, word, words
from agent_backends.claude.questions import Questions
from agent_backends.claude.stream import HelloRefusedError, Stream
from agent_backends.claude.transcripts import has_transcript
from agent_backends.claude.usage import UsageMeter
from agent_backends.client.failures import died
from agent_backends.client.process import ClientProcess
from agent_backends.printed import Printed
from agent_backends.protocol import Emit, Ending, Limit, Outcome, Turn
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

# How long an interrupted agent may take to end its tools and to say what it has used.
INTERRUPT_SECONDS = 5.0
# A client that starts slowly may take long to say its first word; one that never does is stuck.
FIRST_WORD_SECONDS = 60.0


class Conversation:
    """Drives one turn over a client that is already running; ending the process is left to the caller."""

    def __init__(self, process: ClientProcess, turn: Turn, emit: Emit, printed: Printed) -> None:
        self._process = process
        self._turn = turn
        self._printed = printed
        self._events = EventEmitter(emit)
        self._meter = UsageMeter()
        self._result: ClientResult | None = None
        self._model_error: str | None = None
        self._limit: Limit | None = None
        self._is_busy = False
        self._has_answered = False
        questions = Questions(turn.people) if turn.people is not None else None
        self._stream = Stream(process, self._events.emit_hook, questions)

    async def run(self, stop: asyncio.Event, *, is_verbatim: bool) -> Outcome:
        """Send the prompt and listen until the agent is done or `stop` is set."""
        talking = asyncio.create_task(self._talk(is_verbatim=is_verbatim))
        stopping, flooded = asyncio.create_task(stop.wait()), asyncio.create_task(self._printed.is_too_much.wait())
        try:
            await asyncio.wait({talking, stopping, flooded}, return_when=asyncio.FIRST_COMPLETED)
            if self._printed.is_too_much.is_set():
                return self._with_figures(self._printed.outcome(self._events.last_text))
            if talking.done():
                return self._outcome(talking.exception())
            await self._interrupt(talking)
            return self._stopped()
        finally:
            for task in (talking, stopping, flooded):
                task.cancel()
            await asyncio.gather(talking, stopping, flooded, return_exceptions=True)
            self._stream.stop_answering()
            self._process.close_input()

    async def _talk(self, *, is_verbatim: bool) -> None:
        with suppress(ConnectionError):  # it has closed its input, and most likely says why
            await self._stream.begin(self._turn.prompt, is_verbatim=is_verbatim)
        async with asyncio.timeout(FIRST_WORD_SECONDS) as patience:
            async for message in self._stream.messages():
                patience.reschedule(None)
                self._has_answered = True
                self._meter.see(message)
                self._see(message)
                # A subagent in the background wakes the agent again after its result, so the last result counts.
                if self._result and not self._is_busy:
                    return
            await self._process.wait_for_exit()

    async def _interrupt(self, talking: "asyncio.Task[None]") -> None:
        if self._has_answered:
            # A client that cannot be asked any more is ended by the caller all the same.
            with suppress(ConnectionError):
                await self._stream.interrupt()
            await asyncio.wait({talking}, timeout=INTERRUPT_SECONDS)

    def _see(self, message: JsonObject) -> None:
        match message.get("type"), message.get("subtype"):
            case "assistant", _:
                self._model_error = word(message, "error")
                self._events.emit_assistant(message)
            case "user", _:
                self._events.emit_user(message)
            case "rate_limit_event", _:
                self._limit = limit_in(member(message, "rate_limit_info"))
            case "result", _:
                self._result = self._result_from(message)
            case "system", "session_state_changed":
                self._is_busy = message.get("state") == "running"
            case "system", _:
                self._events.emit_system(message)
                self._mark_tools()
            case _:
                pass

    def _mark_tools(self) -> None:
        if self._events.session_id:
            self._process.mark_tools_by(f"CLAUDE_CODE_SESSION_ID={self._events.session_id}")

    def _result_from(self, message: JsonObject) -> ClientResult:
        return ClientResult(
            is_error=message.get("is_error") is True,
            subtype=word(message, "subtype") or "error",
            text=word(message, "result") or "",
            errors=words(message, "errors"),
            api_status=number(message, "api_error_status"),
            terminal_reason=word(message, "terminal_reason"),
            model_error=self._model_error,
            limit=self._limit,
            model_calls=number(message, "num_turns"),
        )

    def _outcome(self, error: BaseException | None) -> Outcome:
        if (self._result is None or self._result.is_error) and self._is_conversation_unknown():
            return self._conversation_unknown()
        if self._result is None:
            return self._died(error)
        return self._failed(self._result) if self._result.is_error else self._completed(self._result)

    def _completed(self, result: ClientResult) -> Outcome:
        text = result.text or self._events.last_text
        if not text:
            sentence = "Claude Code ended the turn without an error and without a word (ask again, or look at the log)"
            return self._with_figures(Outcome.failed(Reason.EMPTY_RESULT, sentence))
        return self._with_figures(Outcome(Ending.COMPLETED, text))

    def _failed(self, result: ClientResult) -> Outcome:
        # Imported late: a turn that goes well has no use for it.
        from agent_backends.client.limits_told import LIMITS, limit_told

        outcome = Outcome.failed(reason_of(result), sentence_of(result), self._events.last_text)
        told = (result.limit if outcome.reason in LIMITS else None) or limit_told(outcome.reason, None, result.text)
        return self._with_figures(replace(outcome, limit=told))

    def _is_conversation_unknown(self) -> bool:
        # The client says so in words only; that it never began and has no transcript says the same in facts.
        wanted = self._turn.backend_session_id
        never_began = self._events.session_id is None
        return wanted is not None and never_began and not has_transcript(wanted, self._turn.environment)

    def _conversation_unknown(self) -> Outcome:
        return Outcome.failed(
            Reason.SESSION_NOT_FOUND,
            f"cannot resume session {self._turn.session_name!r}: Claude Code has no conversation "
            f"{self._turn.backend_session_id!r} for this user on this machine (start a new session)",
        )

    def _stopped(self) -> Outcome:
        return self._with_figures(Outcome(Ending.STOPPED, self._events.last_text))

    def _died(self, error: BaseException | None) -> Outcome:
        if isinstance(error, TimeoutError):
            return _stalled()
        if isinstance(error, HelloRefusedError):
            return Outcome.failed(Reason.BACKEND_MISSING, f"Claude Code does not take its first request: {error}")
        if error is not None and not isinstance(error, OSError):
            raise error
        last_words = self._process.last_words or str(error or "")
        return self._with_figures(died("Claude Code", self._process.exit_code, last_words, self._events.last_text))

    def _with_figures(self, outcome: Outcome) -> Outcome:
        model_calls = self._result.model_calls if self._result else None
        return replace(outcome, usage=self._meter.usage, cost_usd=self._meter.cost_usd, model_calls=model_calls)


def _stalled() -> Outcome:
    sentence = f"Claude Code runs but did not say a word within {FIRST_WORD_SECONDS:g} seconds"
    return Outcome.failed(Reason.STALLED, sentence)
