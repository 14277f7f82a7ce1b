"""The backend `acp`: any program that speaks the Agent Client Protocol on its standard input and output."""

import asyncio
from pathlib import Path

from agent_backends.acp.options import AcpOptions
from agent_backends.acp.talk import AcpTalk
from agent_backends.blueprint import Bubblewrap
from agent_backends.client.failures import wrong_option
from agent_backends.client.running import Launch, run_client
from agent_backends.protocol import CannotRunError, Emit, Outcome, Turn
from agent_backends.sandbox.command_prefix import Needs
from runtime_client.reasons import Reason
from runtime_client.wire import UnexpectedAnswerError


class AcpBackend:
    """Runs the blueprint's command once for each turn, and speaks the protocol to it."""

    name = "acp"

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run one turn to its end; what goes wrong with the agent is a FAILED outcome."""
        try:
            options = _options(turn)
            needs = Needs(writable=_own_folders(turn, options))
        except CannotRunError as cause:
            return cause.outcome
        launch = Launch(f"agent {turn.blueprint.name!r}", turn.blueprint.command, turn.environment, needs)
        return await run_client(turn, launch, stop, lambda process: AcpTalk(process, turn, options, emit))


def _own_folders(turn: Turn, options: AcpOptions) -> tuple[Path, ...]:
    """Return where the agent keeps what is its own; made here, for what is made in a sandbox is gone with it.

    Errors:  CannotRunError.
    """
    if not isinstance(turn.blueprint.sandbox, Bubblewrap):
        return ()
    home = Path(turn.environment.get("HOME") or Path.home())
    folders = tuple(home / path[2:] if path.startswith("~/") else Path(path) for path in options.own_folders)
    try:
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as cause:
        raise CannotRunError(
            Reason.SANDBOX_UNAVAILABLE,
            f"cannot run agent {turn.blueprint.name!r} in its sandbox: its 'own_folders' cannot be made: {cause}",
        ) from cause
    return folders


def _options(turn: Turn) -> AcpOptions:
    blueprint = turn.blueprint
    if not blueprint.command:
        sentence = f"cannot run agent {blueprint.name!r}: its agent.json names no 'command'"
        raise CannotRunError(Reason.BACKEND_MISSING, sentence)
    try:
        return AcpOptions.read(blueprint.options, blueprint.limits, blueprint.model)
    except UnexpectedAnswerError as error:
        raise wrong_option(turn, error) from error
