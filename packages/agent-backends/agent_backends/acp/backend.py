"""The backend `acp`: any program that speaks the Agent Client Protocol on its standard input and output."""

import asyncio

from agent_backends.acp.options import AcpOptions
from agent_backends.acp.talk import AcpTalk
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
        except CannotRunError as cause:
            return cause.outcome
        launch = Launch(f"agent {turn.blueprint.name!r}", turn.blueprint.command, turn.environment, Needs())
        return await run_client(turn, launch, stop, lambda process: AcpTalk(process, turn, options, emit))


def _options(turn: Turn) -> AcpOptions:
    blueprint = turn.blueprint
    if not blueprint.command:
        sentence = f"cannot run agent {blueprint.name!r}: its agent.json names no 'command'"
        raise CannotRunError(Reason.BACKEND_MISSING, sentence)
    try:
        return AcpOptions.read(blueprint.options, blueprint.limits, blueprint.model)
    except UnexpectedAnswerError as error:
        raise wrong_option(turn, error) from error
