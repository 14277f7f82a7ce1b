"""The backend `claude`: Claude Code, as the Claude Agent SDK carries it."""

import asyncio
from pathlib import Path

from agent_backends.claude.conversation import Conversation
from agent_backends.claude.launch import prepare_launch
from agent_backends.client.private_files import private_folder
from agent_backends.client.process import ClientProcess
from agent_backends.printed import Printed
from agent_backends.protocol import CannotRunError, Emit, Outcome, Turn
from agent_backends.sandbox.command_prefix import Needs, command_prefix
from runtime_client.reasons import Reason


class ClaudeBackend:
    """Runs one prompt in one Claude Code process, and leaves nothing of it behind."""

    name = "claude"

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run one turn to its end; what goes wrong with the agent is a FAILED outcome."""
        # The folder holds the system prompt and the MCP servers' settings, secrets included: arguments of a process
        # are open to every user of the machine, files of mode 0600 in a folder of mode 0700 are not.
        with private_folder("agent-claude-") as private_dir:
            printed = Printed(turn)
            try:
                launch = prepare_launch(turn, private_dir)
            except CannotRunError as cause:
                return cause.outcome
            try:
                prefix = await command_prefix(turn, _needs(launch.command[0], turn, private_dir))
                with prefix:
                    process = await ClientProcess.start(
                        prefix, launch.command, turn.working_folder, launch.environment, printed
                    )
            except CannotRunError as cause:
                return cause.outcome
            except OSError as error:
                # The folder was looked at a moment ago, so what cannot be started is the client.
                return Outcome.failed(
                    Reason.BACKEND_MISSING, f"cannot start Claude Code {launch.command[0]!r}: {error}"
                )
            try:
                conversation = Conversation(process, turn, emit, printed)
                return await conversation.run(stop, is_verbatim=launch.takes_prompt_verbatim)
            finally:
                await process.end()


def _needs(client: str, turn: Turn, private_dir: Path) -> Needs:
    """Return what the client reaches beside the project: itself, its settings, its login and its conversations."""
    home = Path(turn.environment.get("HOME") or Path.home())
    config_dir = Path(turn.environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    if turn.blueprint.sandbox is not None:
        # One that is made inside would be gone with the sandbox, and no session could be resumed.
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = [path for path in (config_dir, home / ".claude.json") if path.exists()]
    return Needs(readable=(private_dir, *_absolute(client)), writable=tuple(own))


def _absolute(client: str) -> tuple[Path, ...]:
    return (Path(client),) if Path(client).is_absolute() else ()
