"""One turn with a running client: the prompt goes in, events come out, one outcome ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ClaudeSDKError,
    Message,
    ProcessError,
    RateLimitEvent,
    ResultError,
    ResultMessage,
    SystemMessage,
    Transport,
    UserMessage,
)

from agent_backends.claude.events import EventEmitter
from agent_backends.claude.failures import ClientResult, reason_of, sentence_of
from agent_backends.claude.launch import SdkSwitches
from agent_backends.claude.transcripts import has_transcript
from agent_backends.claude.usage import UsageMeter
from agent_backends.client.failures import died, one_line
from agent_backends.client.process import ClientProcess
from agent_backends.printed import Printed
from agent_backends.protocol import Emit, Ending, Outcome, Turn
from runtime_client.reasons import Reason

# How long an interrupted agent may take to end its tools and to say what it has used.
INTERRUPT_SECONDS = 3.0


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
        self._is_limit_reached = False
        self._is_busy = False
        self._client: ClaudeSDKClient | None = None

    async def run(self, switches: SdkSwitches, stop: asyncio.Event) -> Outcome:
        """Send the prompt and listen until the agent is done or `stop` is set."""
        options = ClaudeAgentOptions(hooks=self._events.hooks(), verbatim_prompts=switches.takes_prompt_verbatim)
        client = ClaudeSDKClient(options, transport=_ProcessTransport(self._process, self._meter))
        talking = asyncio.create_task(self._talk(client))
        stopping, flooded = asyncio.create_task(stop.wait()), asyncio.create_task(self._printed.is_too_much.wait())
        try:
            await asyncio.wait({talking, stopping, flooded}, return_when=asyncio.FIRST_COMPLETED)
            if self._printed.is_too_much.is_set():
                return self._with_figures(self._printed.outcome(self._events.last_text))
            if talking.done():
                return self._outcome(talking)
            await self._interrupt(talking)
            return self._stopped()
        finally:
            for task in (talking, stopping, flooded):
                task.cancel()
            await asyncio.gather(talking, stopping, flooded, return_exceptions=True)
            await client.disconnect()

    async def _talk(self, client: ClaudeSDKClient) -> None:
        await client.connect()
        self._client = client
        await client.query(self._turn.prompt)
        async for message in client.receive_messages():
            self._see(message)
            # A subagent in the background wakes the agent again after its result, so the last result counts.
            if self._result and not self._is_busy:
                return

    async def _interrupt(self, talking: "asyncio.Task[None]") -> None:
        if self._client:
            # A client that cannot be asked any more is ended by the caller all the same.
            with suppress(Exception):
                await asyncio.wait_for(self._client.interrupt(), INTERRUPT_SECONDS)
            await asyncio.wait({talking}, timeout=INTERRUPT_SECONDS)

    def _see(self, message: Message) -> None:
        match message:
            case AssistantMessage():
                self._model_error = message.error
                self._events.emit_assistant(message)
            case UserMessage():
                self._events.emit_user(message)
            case RateLimitEvent():
                self._is_limit_reached = message.rate_limit_info.status == "rejected"
            case ResultMessage():
                self._result = self._result_from(message)
            case SystemMessage(subtype="session_state_changed"):
                self._is_busy = message.data.get("state") == "running"
            case SystemMessage():
                self._events.emit_system(message)
                self._mark_tools()
            case _:
                pass

    def _mark_tools(self) -> None:
        if self._events.session_id:
            self._process.mark_tools_by(f"CLAUDE_CODE_SESSION_ID={self._events.session_id}")

    def _result_from(self, message: ResultMessage) -> ClientResult:
        return ClientResult(
            is_error=message.is_error,
            subtype=message.subtype,
            text=message.result or "",
            errors=tuple(message.errors or ()),
            api_status=message.api_error_status,
            terminal_reason=message.terminal_reason,
            model_error=self._model_error,
            is_limit_reached=self._is_limit_reached,
            model_calls=message.num_turns,
        )

    def _outcome(self, talking: "asyncio.Task[None]") -> Outcome:
        error = talking.exception()
        if isinstance(error, ResultError) and self._result is None:
            self._result = _result_of_refusal(error)
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
        return self._with_figures(Outcome.failed(reason_of(result), sentence_of(result), self._events.last_text))

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
        # The SDK has no type of its own for a client that does not answer its first request.
        if error is not None and isinstance(error.__cause__, TimeoutError):
            return Outcome.failed(Reason.STALLED, f"Claude Code runs but does not answer: {one_line(str(error))}")
        if error is not None and not isinstance(error, ClaudeSDKError | OSError):
            raise error
        code = error.exit_code if isinstance(error, ProcessError) else self._process.exit_code
        last_words = self._process.last_words or str(error or "")
        return self._with_figures(died("Claude Code", code, last_words, self._events.last_text))

    def _with_figures(self, outcome: Outcome) -> Outcome:
        model_calls = self._result.model_calls if self._result else None
        return replace(outcome, usage=self._meter.usage, cost_usd=self._meter.cost_usd, model_calls=model_calls)


class _ProcessTransport(Transport):
    """The SDK's way to a client that somebody else has started and will end."""

    def __init__(self, process: ClientProcess, meter: UsageMeter) -> None:
        self._process = process
        self._meter = meter
        self._writing = asyncio.Lock()

    async def connect(self) -> None:
        """Nothing to do: it runs."""

    async def write(self, data: str) -> None:
        # Answers to hooks and the prompt come from different tasks; a line must stay one line.
        async with self._writing:
            await self._process.write(data)

    async def read_messages(self) -> AsyncIterator[dict[str, object]]:
        async for message in self._process.messages():
            # The SDK's own result type leaves out what was used since the last one.
            self._meter.see(message)
            yield dict(message)
        # Without an error the SDK would wait a minute for a first answer that cannot come any more.
        raise ProcessError("Claude Code ended", exit_code=await self._process.wait_for_exit())

    async def close(self) -> None:
        self._process.close_input()

    def is_ready(self) -> bool:
        return self._process.exit_code is None

    async def end_input(self) -> None:
        self._process.close_input()


def _result_of_refusal(error: ResultError) -> ClientResult:
    return ClientResult(
        is_error=True,
        subtype=error.subtype or "error",
        text=error.result or "",
        errors=tuple(error.errors),
        api_status=error.api_error_status,
        terminal_reason=error.terminal_reason,
    )
