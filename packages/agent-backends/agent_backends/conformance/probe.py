"""One process of the agent that is looked at: what it says is judged, and nothing of it is left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent_backends.acp.permissions import CANCELLED, answer_to
from agent_backends.acp.talk import HELLO
from agent_backends.blueprint import Blueprint
from agent_backends.client.loose import part, word
from agent_backends.client.peer import METHOD_NOT_FOUND, Peer, RefusedByPeerError
from agent_backends.client.permission import Permission
from agent_backends.client.process import ClientProcess
from agent_backends.client.running import MARK
from agent_backends.conformance.findings import Findings
from agent_backends.conformance.judge import Judge
from agent_backends.printed import Printed
from agent_backends.protocol import Turn
from agent_backends.sandbox.command_prefix import Prefix
from runtime_client.wire import Json, JsonObject


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    Units:   `seconds` is how long it may take to answer.
    """

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    seconds: float


class Probe:
    """Our side of the talk with one process."""

    def __init__(self, process: ClientProcess, findings: Findings, subject: Subject) -> None:
        self.process = process
        self._judge = Judge(findings)
        self._findings = findings
        self._seconds = subject.seconds
        self._peer = Peer(_Judged(process, self._judge, findings), self)
        self._listening = asyncio.create_task(self._peer.listen())
        self.updates: list[JsonObject] = []
        self.is_stopping = False
        self._has_spoken = asyncio.Event()

    async def ask(self, method: str, params: JsonObject) -> JsonObject:
        """Ask the agent.

        Errors:  TimeoutError; RefusedByPeerError; GoneError.
        """
        answer = await asyncio.wait_for(self._peer.request(method, params), self._seconds)
        self._judge.see_answer(method, answer)
        return answer

    async def cancel(self, session_id: str) -> None:
        """Cancel the turn."""
        self.is_stopping = True
        await self._peer.notify("session/cancel", {"sessionId": session_id})

    async def hello(self) -> JsonObject:
        """Say hello."""
        return await self.ask("initialize", HELLO)

    async def asked(self, method: str, params: JsonObject) -> Json:
        """Answer the agent: each tool is rejected, for nothing of this is meant to change anything."""
        if method != "session/request_permission":
            self._findings.broken("client's methods", f"it asks for {method!r}, which was not offered to it")
            raise RefusedByPeerError(METHOD_NOT_FOUND, f"this client has no {method!r}")
        return CANCELLED if self.is_stopping else (answer_to(params, Permission.REJECT) or CANCELLED)

    def told(self, method: str, params: JsonObject) -> None:
        """Take an update."""
        if method == "session/update":
            self.updates.append(part(params, "update"))
            if self.words():
                self._has_spoken.set()

    def words(self) -> str:
        """What the agent has said so far."""
        said = (one for one in self.updates if word(one, "sessionUpdate") == "agent_message_chunk")
        return "".join(word(one, "content", "text") for one in said).strip()

    async def wait_until_it_speaks(self, prompting: "asyncio.Task[JsonObject]") -> None:
        """Wait for its first words, or for the end of the turn.

        Errors:  TimeoutError.
        """
        speaking = asyncio.create_task(self._has_spoken.wait())
        try:
            done, _ = await asyncio.wait(
                {speaking, prompting}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            speaking.cancel()
        if not done:
            raise TimeoutError

    async def end(self) -> None:
        """End the process and all below it."""
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        await self.process.end(1.0)


class _Judged:
    """The agent's lines, each looked at on its way."""

    def __init__(self, process: ClientProcess, judge: Judge, findings: Findings) -> None:
        self._process = process
        self._judge = judge
        self._findings = findings

    async def messages(self) -> AsyncIterator[JsonObject]:
        async for message in self._process.messages(self._see_noise):
            self._judge.see_message(message)
            yield message

    async def write(self, text: str) -> None:
        await self._process.write(text)

    def _see_noise(self, line: bytes) -> None:
        shown = line[:80].decode(errors="replace").strip()
        self._findings.broken("standard output", f"a line that is no JSON object: {shown!r}")


@asynccontextmanager
async def probe_of(subject: Subject, findings: Findings) -> AsyncIterator[Probe]:
    """Start the agent, and end it with all that it has started.

    Errors:  OSError, if it cannot be started.
    """
    mark = f"{MARK}=check-{os.urandom(8).hex()}"
    name, _, value = mark.partition("=")
    turn = Turn("check", "check", "", subject.folder, Blueprint("check", "acp"), None, False, {})
    environment = {**subject.environment, name: value}
    process = await ClientProcess.start(Prefix(), subject.command, str(subject.folder), environment, Printed(turn))
    process.mark_tools_by(mark)
    probe = Probe(process, findings, subject)
    try:
        yield probe
    finally:
        await probe.end()
