"""One turn with Codex' app server: a thread is begun or gone on with, a turn is started, and items come."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from agent_backends.client.elicitation import filled_in
from agent_backends.client.failures import one_line, wrong_option
from agent_backends.client.limits_told import LIMITS, limit_told
from agent_backends.client.loose import part, whole, word
from agent_backends.client.peer import METHOD_NOT_FOUND, GoneError, Lines, Peer, RefusedByPeerError
from agent_backends.client.running import OBEY_SECONDS
from agent_backends.client.servers import servers_of
from agent_backends.client.typed_errors import reason_in
from agent_backends.codex.items import Items
from agent_backends.codex.limits import reset_sentence, used_up
from agent_backends.codex.options import CodexOptions
from agent_backends.codex.questions import answer_to, asked_about
from agent_backends.codex.servers import told_servers
from agent_backends.protocol import BackendSession, CannotRunError, Emit, Ending, Outcome, Started, Turn, Usage
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError

ELICIT = "mcpServer/elicitation/request"
HELLO: JsonObject = {"clientInfo": {"name": "agent-orchestrator", "title": "Agent Orchestrator", "version": "1"}}
TITLE = "Codex"
# The word that it has for this kind of failure is `other`; the sentence begins with these words of its own.
CUT_OFF = "stream disconnected before completion"


class CodexTalk:
    """Speaks to an app server that runs."""

    def __init__(self, lines: Lines, turn: Turn, options: CodexOptions, emit: Emit) -> None:
        self._turn = turn
        self._options = options
        self._emit = emit
        self._items = Items(emit)
        self._peer = Peer(lines, self)
        self._thread_id = self._turn_id = ""
        self._is_known = False
        self._ended: asyncio.Future[Outcome] | None = None
        self._limits: JsonObject = {}
        self._total: JsonObject = {}
        self._first: JsonObject | None = None
        self._model_calls = 0

    @property
    def last_text(self) -> str:
        """The text after the last tool call, else the last text before it."""
        return self._items.words.last_text

    async def run(self) -> Outcome:
        """Run the turn to its end."""
        listening = asyncio.create_task(self._peer.listen())
        self._ended = asyncio.get_running_loop().create_future()
        listening.add_done_callback(lambda _: self._be_gone())
        try:
            await self._begin()
            return await self._ended
        except CannotRunError as cause:
            return cause.outcome
        except RefusedByPeerError as refusal:
            sentence = f"{TITLE} answered the first requests with error {refusal.code}: {one_line(refusal.message)}"
            return Outcome.failed(reason_in(refusal.content) or Reason.NONZERO_EXIT, sentence)
        finally:
            self._items.words.pause()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def ask_to_stop(self) -> None:
        """Interrupt the turn."""
        if self._turn_id:
            asked: JsonObject = {"threadId": self._thread_id, "turnId": self._turn_id}
            with suppress(RefusedByPeerError, GoneError, TimeoutError):
                await asyncio.wait_for(self._peer.request("turn/interrupt", asked), OBEY_SECONDS)

    def with_figures(self, outcome: Outcome) -> Outcome:
        """Add tokens and calls; the sums run on over the thread, so what stood before the turn is taken off."""
        if not self._model_calls:
            return outcome
        return replace(outcome, usage=self._usage(), model_calls=self._model_calls)

    async def asked(self, method: str, params: JsonObject) -> Json:
        """Have people answer where they are asked; otherwise it is told not to ask, and nobody is there."""
        people = self._turn.people
        if people is not None and method == ELICIT:
            self._know_thread()
            return await filled_in(people, params)
        question = asked_about(method, params, self._items.told(word(params, "itemId")))
        if people is not None and question is not None:
            self._know_thread()
            return answer_to(await people.ask(question))
        raise RefusedByPeerError(METHOD_NOT_FOUND, f"this client does not answer {method!r}")

    def told(self, method: str, params: JsonObject) -> None:
        """Take a notification."""
        if word(params, "threadId") not in ("", self._thread_id):
            return  # a thread that it has begun by itself, for a subagent
        match method:
            case "turn/started":
                self._turn_id = word(params, "turn", "id")
                self._know_thread()
            case "item/started":
                self._items.started(part(params, "item"))
            case "item/completed":
                self._items.completed(part(params, "item"))
            case "thread/tokenUsage/updated":
                self._count(part(params, "tokenUsage"))
            case "account/rateLimits/updated":
                self._limits = part(params, "rateLimits")
            case "turn/completed":
                self._end(self._outcome(part(params, "turn")))
            case _:
                pass

    async def _begin(self) -> None:
        hello = await self._peer.request("initialize", HELLO)
        await self._peer.notify("initialized", {})
        thread = await self._open_thread()
        self._thread_id = word(thread, "thread", "id")
        agent = word(hello, "userAgent").split(" ")[0]
        self._emit(Started(word(thread, "model") or None, client={"name": TITLE, "version": agent.partition("/")[2]}))
        effort: JsonObject = {} if self._options.effort is None else {"effort": self._options.effort}
        prompt: JsonObject = {"type": "text", "text": self._turn.prompt}
        await self._peer.request("turn/start", {"threadId": self._thread_id, "input": [prompt], **effort})

    async def _open_thread(self) -> JsonObject:
        place = self._place()
        wanted = self._turn.backend_session_id
        if wanted is None:
            return await self._peer.request("thread/start", place)
        try:
            return await self._peer.request("thread/resume", {"threadId": wanted, "excludeTurns": True, **place})
        except RefusedByPeerError as refusal:
            raise CannotRunError(
                Reason.SESSION_NOT_FOUND,
                f"cannot resume session {self._turn.session_name!r}: {TITLE} has no conversation {wanted!r} to go on"
                f" with: {one_line(refusal.message)} (start a new session)",
            ) from refusal

    def _place(self) -> JsonObject:
        try:
            variables, rejects = sorted(self._turn.environment), self._options.rejects_servers
            servers = told_servers(servers_of(self._turn), variables, rejects=rejects)
        except UnexpectedAnswerError as error:
            raise wrong_option(self._turn, error) from error
        blueprint = self._turn.blueprint
        chosen: Mapping[str, Json] = {
            "model": blueprint.model,
            "developerInstructions": blueprint.system_prompt or None,
        }
        return {
            "cwd": str(self._turn.project_dir),
            "approvalPolicy": "untrusted" if self._options.asks else "never",
            "sandbox": self._options.sandbox_mode,
            "config": {**self._options.config, **servers},
            **{name: value for name, value in chosen.items() if value is not None},
        }

    def _count(self, used: JsonObject) -> None:
        self._total = part(used, "total")
        if self._first is None:
            self._first = _less(self._total, part(used, "last"))
        self._model_calls += 1
        must_go_on = self._items.calls_since_model > 0
        self._items.calls_since_model = 0
        most = self._options.max_turns
        if most is not None and self._model_calls >= most and must_go_on:
            sentence = f"{TITLE} has called its model {self._model_calls} times, which is all that its limits allow"
            self._end(Outcome.failed(Reason.BUDGET_EXCEEDED, sentence, self.last_text))

    def _usage(self) -> Usage:
        used = _less(self._total, self._first or {})
        cached, written = whole(used, "cachedInputTokens"), whole(used, "cacheWriteInputTokens")
        return Usage(
            input_tokens=max(0, whole(used, "inputTokens") - cached - written),
            output_tokens=whole(used, "outputTokens"),
            cache_read_tokens=cached,
            cache_write_tokens=written,
        )

    def _outcome(self, turn: JsonObject) -> Outcome:
        error = part(turn, "error")
        if word(turn, "status") != "completed" or error:
            said = one_line(word(error, "message")) or f"the turn is {word(turn, 'status')!r}"
            untold = Reason.MODEL_UNREACHABLE if said.startswith(CUT_OFF) else Reason.NONZERO_EXIT
            reason = reason_in(error) or untold
            details = one_line(word(error, "additionalDetails"))
            known = used_up(self._limits) if reason in LIMITS else None
            limit = known or limit_told(reason, error, f"{said} {details}")
            reset = reset_sentence(known)
            sentence = f"{TITLE} could not finish the turn: {said}{f' ({details})' if details else ''}{reset}"
            return replace(Outcome.failed(reason, sentence, self.last_text), limit=limit)
        if not self.last_text:
            sentence = f"{TITLE} ended the turn without an error and without a word (ask again)"
            return Outcome.failed(Reason.EMPTY_RESULT, sentence)
        return Outcome(Ending.COMPLETED, self.last_text)

    def _know_thread(self) -> None:
        if not self._is_known:
            self._is_known = True
            self._emit(BackendSession(self._thread_id))

    def _end(self, outcome: Outcome) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(outcome)

    def _be_gone(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(GoneError())


def _less(total: JsonObject, part_of_it: JsonObject) -> JsonObject:
    return {name: whole(total, name) - whole(part_of_it, name) for name in total}
