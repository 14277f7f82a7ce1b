"""The backend `codex`: OpenAI's Codex, through `codex app-server`."""

import asyncio
from pathlib import Path

from agent_backends.client.failures import wrong_option
from agent_backends.client.running import Launch, run_client
from agent_backends.codex.options import CodexOptions
from agent_backends.codex.talk import TITLE, CodexTalk
from agent_backends.protocol import Emit, Outcome, Turn
from agent_backends.sandbox.command_prefix import Needs
from runtime_client.wire import UnexpectedAnswerError


class CodexBackend:
    """Runs one prompt in one app server."""

    name = "codex"

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run one turn to its end; what goes wrong with the agent is a FAILED outcome."""
        try:
            options = CodexOptions.read(turn.blueprint.options, turn.blueprint.limits)
        except UnexpectedAnswerError as error:
            return wrong_option(turn, error).outcome
        launch = Launch(TITLE, (options.client_path, "app-server"), turn.environment, _needs(turn))
        return await run_client(turn, launch, stop, lambda process: CodexTalk(process, turn, options, emit))


def _needs(turn: Turn) -> Needs:
    """Return what the client reaches beside the project: its settings, its login and its conversations."""
    home = Path(turn.environment.get("HOME") or Path.home())
    own = Path(turn.environment.get("CODEX_HOME") or home / ".codex")
    if turn.blueprint.sandbox is not None:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Needs(writable=(own,) if own.is_dir() else ())
