"""Runs the real Claude Code client against the model stand-in, in an empty home and an environment from nothing."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from agent_backends.blueprint import Blueprint, Sandbox
from agent_backends.claude.backend import ClaudeBackend
from agent_backends.protocol import AgentEvent, BackendSession, Outcome, Turn
from runtime_client.wire import JsonObject
from support.marked_processes import processes_with
from support.model_stand_in import ModelStandIn
from support.waiting import wait_until


@dataclass(frozen=True)
class Ran:
    """What one turn left: its outcome and its events."""

    outcome: Outcome
    events: list[AgentEvent]

    @property
    def backend_session_id(self) -> str:
        """The client's own id of the conversation."""
        return next(event.backend_session_id for event in self.events if isinstance(event, BackendSession))


@dataclass
class ClaudeRig:
    """A home, a project and a model for the client; each rig has a session name that no other process carries."""

    model: ModelStandIn
    home: Path
    project_dir: Path
    session_name: str = field(default_factory=lambda: f"rig-{uuid4().hex[:12]}")
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The whole environment of the client."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "TMPDIR": str(self.home),
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "sk-ant-stand-in",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "AGENT_SESSION_NAME": self.session_name,
        } | self.variables

    def turn(
        self,
        prompt: str,
        *,
        resume: str | None = None,
        system_prompt: str = "",
        options: JsonObject | None = None,
        limits: JsonObject | None = None,
        mcp_servers: JsonObject | None = None,
        sandbox: Sandbox | None = None,
    ) -> Turn:
        """One prompt for the rig's session."""
        blueprint = Blueprint(
            name="claude",
            backend="claude",
            system_prompt=system_prompt,
            options=options or {},
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
        )

    def run(self, turn: Turn, *, when: Callable[["ClaudeRig"], bool] | None = None) -> Ran:
        """Run a turn to its end; with `when`, stop it as soon as that is true."""
        return asyncio.run(self._run(turn, when))

    def processes(self) -> list[psutil.Process]:
        """Every living process that carries the rig's session name in its environment."""
        return processes_with("AGENT_SESSION_NAME", self.session_name)

    async def _run(self, turn: Turn, when: Callable[["ClaudeRig"], bool] | None) -> Ran:
        events: list[AgentEvent] = []
        stop = asyncio.Event()
        running = asyncio.create_task(ClaudeBackend().run(turn, events.append, stop))
        if when:
            await asyncio.to_thread(wait_until, lambda: when(self) or running.done(), "the moment to stop")
            stop.set()
        return Ran(await running, events)
