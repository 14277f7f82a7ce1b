"""One turn with an agent of the Agent Client Protocol, version 1."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from agent_backends.acp.failures import ended_badly, failure_in, refused
from agent_backends.acp.opening import Opened, Opening, check_has_no_modes, configure, takes_system_prompt
from agent_backends.acp.options import AcpOptions
from agent_backends.acp.permissions import CANCELLED, answer_to
from agent_backends.acp.questions import asked_about
from agent_backends.acp.servers import told_servers
from agent_backends.acp.updates import Updates
from agent_backends.client import elicitation
from agent_backends.client.failures import one_line, wrong_option
from agent_backends.client.limits_told import limit_told
from agent_backends.client.loose import part, whole, word
from agent_backends.client.peer import METHOD_NOT_FOUND, Lines, Peer, RefusedByPeerError
from agent_backends.client.permission import Permission
from agent_backends.client.servers import servers_of
from agent_backends.client.typed_errors import reason_in
from agent_backends.protocol import BackendSession, CannotRunError, Emit, Ending, Outcome, Said, Started, Turn
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError

PROTOCOL_VERSION = 1
ELICIT = "elicitation/create"
# No files and no terminals of ours: the agent works on the machine itself, and version 2 has neither.
HELLO: JsonObject = {
    "protocolVersion": PROTOCOL_VERSION,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "agent-orchestrator", "title": "Agent Orchestrator", "version": "1"},
}


def hello_with(*, asks: bool) -> JsonObject:
    """Return the first words to an agent; where people can be asked, it may ask them what it wants to know."""
    offered: JsonObject = {"elicitation": {"form": {}}} if asks else {}
    return {**HELLO, "clientCapabilities": {**part(HELLO, "clientCapabilities"), **offered}}


class AcpTalk:
    """Speaks to an agent that runs: hello, conversation, configuration, prompt."""

    def __init__(self, lines: Lines, turn: Turn, options: AcpOptions, emit: Emit) -> None:
        self._turn = turn
        self._options = options
        self._emit = emit
        self._updates = Updates(emit, turn.secrets, turn.pulse)
        self._peer = Peer(lines, self)
        self._title = f"agent {turn.blueprint.name!r}"
        self._session_id = ""
        self._is_known = False
        self._rejected = 0
        self._is_stopping = False
        self._must_end: asyncio.Event = asyncio.Event()

    @property
    def last_text(self) -> str:
        """The text after the last tool call, else the last text before it."""
        return self._updates.words.last_text

    async def run(self) -> Outcome:
        """Run the turn to its end."""
        listening = asyncio.create_task(self._peer.listen())
        try:
            return await self._talk()
        except CannotRunError as cause:
            return cause.outcome
        finally:
            self._updates.finish()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def ask_to_stop(self) -> None:
        """Cancel the turn; what the agent still asks for is answered with `cancelled`."""
        self._is_stopping = True
        if self._session_id:
            await self._peer.notify("session/cancel", {"sessionId": self._session_id})

    def with_figures(self, outcome: Outcome) -> Outcome:
        """Add tokens and cost."""
        meter = self._updates.meter
        return replace(outcome, usage=meter.usage, cost_usd=meter.cost_usd)

    async def asked(self, method: str, params: JsonObject) -> Json:
        """Answer the agent: it may ask for permission, and people for what it wants to know; for nothing else."""
        if method == ELICIT:
            return await self._elicited(params)
        if method != "session/request_permission":
            raise RefusedByPeerError(METHOD_NOT_FOUND, f"this client has no {method!r}")
        call = self._updates.tools.ask_for(part(params, "toolCall"))
        self._know_session()
        if self._is_stopping:
            return CANCELLED
        return self._answer(params, await self._permission(call))

    async def _elicited(self, params: JsonObject) -> Json:
        if self._turn.people is None:
            raise RefusedByPeerError(METHOD_NOT_FOUND, f"this client has no {ELICIT!r} here")
        self._know_session()
        told = elicitation.NOBODY if self._is_stopping else await elicitation.filled_in(self._turn.people, params)
        return elicitation.NOBODY if self._is_stopping else told

    def _answer(self, params: JsonObject, permission: Permission) -> JsonObject:
        # People may have taken long, and the turn may be over by now.
        if self._is_stopping:
            return CANCELLED
        answer = answer_to(params, permission)
        if answer is None:
            raise RefusedByPeerError(METHOD_NOT_FOUND, f"nothing that is offered means {permission!s}")
        self._rejected += permission is Permission.REJECT
        return answer

    async def _permission(self, call: JsonObject) -> Permission:
        """Decide as the blueprint does; where people do, ask them, however long that takes."""
        if self._options.permission is not Permission.ASK:
            return self._options.permission
        people = self._turn.people
        said = await people.ask(asked_about(call)) if people is not None else Said()
        return Permission.ALLOW_ONCE if said.decision == "allow" else Permission.REJECT

    def told(self, method: str, params: JsonObject) -> None:
        """Take an update."""
        if method != "session/update" or word(params, "sessionId") not in ("", self._session_id):
            return
        self._updates.see(part(params, "update"))
        if self._updates.is_under_way:
            self._know_session()
        if self._why_end() is not None:
            self._must_end.set()

    async def _talk(self) -> Outcome:
        try:
            opened = await self._within_start(self._open())
        except RefusedByPeerError as refusal:
            return refused(self._title, "the first requests", refusal)
        if not opened.session_id:
            return Outcome.failed(Reason.NONZERO_EXIT, f"{self._title} answered session/new without a 'sessionId'")
        return await self._prompt(opened)

    async def _within_start(self, opening: Coroutine[Any, Any, Opened]) -> Opened:
        seconds = self._options.start_seconds
        try:
            return await asyncio.wait_for(opening, seconds)
        except TimeoutError as cause:
            sentence = (
                f"{self._title} runs but did not answer within {seconds:g} seconds before it had the prompt"
                " (its option 'start_seconds' gives it longer)"
            )
            raise CannotRunError(Reason.STALLED, sentence) from cause

    async def _open(self) -> Opened:
        hello = await self._peer.request("initialize", hello_with(asks=self._turn.people is not None))
        version = whole(hello, "protocolVersion")
        if version != PROTOCOL_VERSION:
            found = f"{self._title} speaks version {version} of the Agent Client Protocol, expected {PROTOCOL_VERSION}"
            raise CannotRunError(Reason.BACKEND_MISSING, f"{found} (another version of it may)")
        capabilities = part(hello, "agentCapabilities")
        try:
            servers = told_servers(servers_of(self._turn), capabilities)
        except UnexpectedAnswerError as error:
            raise wrong_option(self._turn, error) from error
        # What a load replays carries the conversation's id, and is told apart from the turn's own by the prompt.
        self._session_id = self._turn.backend_session_id or ""
        opened = await Opening(self._peer, self._turn, capabilities, servers).open(self._options.resume)
        self._session_id = opened.session_id
        if self._options.permission is not Permission.ALLOW_ONCE and "mode" not in self._options.config:
            check_has_no_modes(self._turn, opened)
        offers = await configure(self._peer, self._turn, opened, self._options.config)
        return Opened(opened.session_id, {**offers, "hello": hello})

    async def _prompt(self, opened: Opened) -> Outcome:
        self._updates.begin()
        hello = part(opened.offers, "hello")
        self._emit(Started(self._turn.blueprint.model, client=_client_in(hello)))
        asked: JsonObject = {"sessionId": opened.session_id, "prompt": _blocks(self._turn, hello)}
        prompting = asyncio.create_task(self._peer.request("session/prompt", asked))
        ending = asyncio.create_task(self._must_end.wait())
        try:
            await asyncio.wait({prompting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not prompting.done():
                await self.ask_to_stop()
                return self._why_end() or Outcome(Ending.STOPPED, self.last_text)
            return self._outcome(await prompting)
        except RefusedByPeerError as refusal:
            return refused(self._title, "the prompt", refusal, self.last_text)
        finally:
            for task in (prompting, ending):
                task.cancel()
            await asyncio.gather(prompting, ending, return_exceptions=True)

    def _outcome(self, answer: JsonObject) -> Outcome:
        self._updates.meter.see_answer(answer)
        failure = failure_in(answer)
        if failure is not None:
            said = one_line(word(failure, "message") or word(failure, "title") or str(dict(failure)))
            sentence = f"{self._title} could not finish the turn: {said}"
            reason = reason_in(failure)
            failed = Outcome.failed(reason or Reason.NONZERO_EXIT, sentence, self.last_text)
            return replace(failed, limit=limit_told(reason, failure, sentence))
        self._know_session()
        if (outcome := self._unasked()) is not None:
            return outcome
        stop_reason = word(answer, "stopReason")
        if stop_reason != "end_turn":
            return ended_badly(self._title, stop_reason, self.last_text)
        if not self.last_text:
            hint = "what it wanted to do was rejected" if self._rejected else "ask again"
            sentence = f"{self._title} ended the turn without an error and without a word ({hint})"
            return Outcome.failed(Reason.EMPTY_RESULT, sentence)
        return Outcome(Ending.COMPLETED, self.last_text)

    def _why_end(self) -> Outcome | None:
        """Return what the turn is to end with, whatever the agent still does; None while all is well."""
        spent, most = self._updates.meter.cost_usd, self._options.max_cost_usd
        if spent is not None and most is not None and spent > most:
            sentence = f"{self._title} has spent more than the {most:g} US dollars of its limits"
            return Outcome.failed(Reason.BUDGET_EXCEEDED, sentence, self.last_text)
        return self._unasked()

    def _unasked(self) -> Outcome | None:
        tool = self._updates.tools.unasked
        if self._options.permission is Permission.ALLOW_ONCE or not tool:
            return None
        sentence = (
            f"{self._title} used {tool!r} and did not ask, so what is said of its permissions cannot hold"
            " (let it ask, by its mode or its own settings: docs/how-to/run-other-agents.md)"
        )
        return Outcome.failed(Reason.INVALID_PARAMETERS, sentence, self.last_text)

    def _know_session(self) -> None:
        # Not before the agent works on the prompt: some tell an id whose conversation is only kept from there on.
        if not self._is_known:
            self._is_known = True
            self._emit(BackendSession(self._session_id))


def _blocks(turn: Turn, hello: JsonObject) -> list[JsonObject]:
    blueprint = turn.blueprint
    # Otherwise it opens the conversation, and is in its history from then on.
    is_elsewhere = takes_system_prompt(part(hello, "agentCapabilities")) or turn.backend_session_id is not None
    texts = [] if is_elsewhere or not blueprint.system_prompt else [blueprint.system_prompt]
    return [{"type": "text", "text": text} for text in (*texts, turn.prompt)]


def _client_in(hello: JsonObject) -> JsonObject:
    """Return what the agent says of itself, for whoever looks at the session."""
    about = part(hello, "agentInfo")
    return {
        "name": word(about, "title") or word(about, "name"),
        "version": word(about, "version"),
        "capabilities": part(hello, "agentCapabilities"),
    }
