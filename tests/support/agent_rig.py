"""Runs turns of the backend `acp` against the scripted agent that ships, in an empty home."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from agent_backends.acp.backend import AcpBackend
from agent_backends.blueprint import Blueprint, Sandbox
from agent_backends.protocol import OUTPUT_BYTES_MAX, AgentEvent, Backend, BackendSession, Message, Outcome, Turn
from agent_backends.redaction import Secrets
from runtime_client.wire import JsonObject
from support.marked_processes import processes_with
from support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
FAKE_ACP = ROOT / "agents" / "fake-acp" / "fake-acp"


@dataclass(frozen=True)
class Ran:
    """What one turn left: its outcome and its events."""

    outcome: Outcome
    events: list[AgentEvent]

    @property
    def backend_session_id(self) -> str | None:
        """The agent's own id of the conversation; None if it never became known."""
        return next((event.backend_session_id for event in self.events if isinstance(event, BackendSession)), None)

    @property
    def said(self) -> list[str]:
        """The agent's messages."""
        return [event.text for event in self.events if isinstance(event, Message)]


@dataclass
class AgentRig:
    """A home and a project; each rig has a session name that no process of another one carries."""

    home: Path
    project_dir: Path
    backend: Backend = field(default_factory=AcpBackend)
    session_name: str = field(default_factory=lambda: f"rig-{uuid4().hex[:12]}")
    variables: Mapping[str, str] = field(default_factory=dict)
    options: JsonObject = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    model: str | None = None

    def environment(self) -> dict[str, str]:
        """The whole environment of the agent."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "TMPDIR": str(self.home),
            "AGENT_SESSION_NAME": self.session_name,
        } | dict(self.variables)

    def turn(
        self,
        prompt: str,
        *faults: str,
        command: tuple[str, ...] | None = None,
        resume: str | None = None,
        model: str | None = None,
        system_prompt: str = "",
        options: JsonObject | None = None,
        limits: JsonObject | None = None,
        mcp_servers: JsonObject | None = None,
        sandbox: Sandbox | None = None,
        secrets: Secrets | None = None,
        output_limit_bytes: int = OUTPUT_BYTES_MAX,
    ) -> Turn:
        """One prompt for the rig's session; `faults` are the scripted agent's."""
        fake = (str(FAKE_ACP), *(word for fault in faults for word in ("--fault", fault)))
        blueprint = Blueprint(
            name="tester",
            backend=self.backend.name,
            command=command or self.command or fake,
            model=model or self.model,
            system_prompt=system_prompt,
            options={**self.options, **(options or {})},
            limits=limits or {},
            mcp_servers=mcp_servers or {},
            sandbox=sandbox,
        )
        return Turn(
            session_name=self.session_name,
            session_id="ses_rig",
            prompt=prompt,
            project_dir=self.project_dir,
            blueprint=blueprint,
            backend_session_id=resume,
            resumed=resume is not None,
            environment=self.environment(),
            secrets=secrets or Secrets(),
            output_limit_bytes=output_limit_bytes,
        )

    def run(self, turn: Turn, *, when: Callable[[list[AgentEvent]], object] | None = None) -> Ran:
        """Run a turn to its end; with `when`, stop it as soon as that is true of its events."""
        return asyncio.run(self._run(turn, when))

    def processes(self) -> list[psutil.Process]:
        """Every living process that carries the rig's session name in its environment."""
        return processes_with("AGENT_SESSION_NAME", self.session_name)

    async def _run(self, turn: Turn, when: Callable[[list[AgentEvent]], object] | None) -> Ran:
        events: list[AgentEvent] = []
        stop = asyncio.Event()
        running = asyncio.create_task(self.backend.run(turn, events.append, stop))
        if when:
            await until(lambda: when(events) or running.done(), "the moment to stop")
            stop.set()
        return Ran(await running, events)
