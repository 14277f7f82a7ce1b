"""The backend `gemini`: Gemini CLI, one process for each turn."""

import asyncio

from agent_backends.client.failures import wrong_option
from agent_backends.client.private_files import private_folder
from agent_backends.client.running import run_client
from agent_backends.gemini.home import HomeOfTurn
from agent_backends.gemini.launch import own_folder, prepare_launch
from agent_backends.gemini.options import GeminiOptions
from agent_backends.gemini.talk import GeminiTalk
from agent_backends.protocol import Emit, Outcome, Turn
from runtime_client.wire import UnexpectedAnswerError


class GeminiBackend:
    """Runs one prompt in one process of the client."""

    name = "gemini"

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run one turn to its end; what goes wrong with the agent is a FAILED outcome."""
        with private_folder("agent-gemini-") as private_dir:
            home = HomeOfTurn(own_folder(turn), private_dir)
            try:
                options = GeminiOptions.read(turn.blueprint.options, turn.blueprint.limits)
                launch = prepare_launch(turn, options, home)
                return await run_client(turn, launch, stop, lambda process: GeminiTalk(process, turn, emit))
            except UnexpectedAnswerError as error:
                return wrong_option(turn, error).outcome
            finally:
                home.give_back()
