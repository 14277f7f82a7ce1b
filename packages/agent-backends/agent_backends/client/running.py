"""One turn of a client, from the start of its process to the end of everything that it started."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from agent_backends.client.failures import died
from agent_backends.client.inherited import without_clients
from agent_backends.client.peer import GoneError
from agent_backends.client.process import ClientProcess
from agent_backends.printed import Printed
from agent_backends.protocol import CannotRunError, Ending, Outcome, Turn
from agent_backends.sandbox.command_prefix import Needs, command_prefix
from runtime_client.reasons import Reason

# How long a client that was asked to stop may take to end its tools and to say what it has used.
OBEY_SECONDS = 3.0
LEAVE_SECONDS = 2.0
# By it everything is found that a client has started and let go of; our own, for each client has another word.
MARK = "AGENT_CLIENT_MARK"


@dataclass(frozen=True)
class Launch:
    """How a client is started for one turn; `title` is what people call it."""

    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    needs: Needs


class Talk(Protocol):
    """One turn with a client that runs."""

    @property
    def last_text(self) -> str:
        """What of its words is the result, as far as it came."""
        ...

    async def run(self) -> Outcome:
        """Talk until the turn is over.

        Errors:  GoneError, if the client has closed its output before that.
        """
        ...

    async def ask_to_stop(self) -> None:
        """Ask the client to give up the turn."""
        ...

    def with_figures(self, outcome: Outcome) -> Outcome:
        """Return the outcome with what the turn used so far."""
        ...


async def run_client(
    turn: Turn, launch: Launch, stop: asyncio.Event, talk_with: Callable[[ClientProcess], Talk]
) -> Outcome:
    """Start the client, talk to it until it is done, stopped or too loud, and leave nothing of it behind."""
    printed, mark = Printed(turn), uuid4().hex
    try:
        process = await _start(turn, launch, printed, mark)
    except CannotRunError as cause:
        return cause.outcome
    process.mark_tools_by(f"{MARK}={mark}")
    try:
        return await _until_end(launch, process, talk_with(process), stop, printed)
    finally:
        await process.end(LEAVE_SECONDS)


async def _start(turn: Turn, launch: Launch, printed: Printed, mark: str) -> ClientProcess:
    environment = {**without_clients(launch.environment), MARK: mark, "PWD": str(turn.project_dir)}
    _check_program(turn, launch)
    prefix = await command_prefix(turn, launch.needs)
    try:
        with prefix:
            return await ClientProcess.start(prefix, launch.command, turn.working_folder, environment, printed)
    except (OSError, ValueError) as cause:
        raise _missing(turn, launch, str(cause)) from cause


def _check_program(turn: Turn, launch: Launch) -> None:
    if not Path(turn.working_folder).is_dir():
        found = f"project directory '{turn.project_dir}' is no directory here"
        raise CannotRunError(Reason.INVALID_PARAMETERS, f"cannot run agent {turn.blueprint.name!r}: {found}")
    if shutil.which(launch.command[0], path=launch.environment.get("PATH")) is None:
        raise _missing(turn, launch, "there is no such program on this machine")


def _missing(turn: Turn, launch: Launch, found: str) -> CannotRunError:
    return CannotRunError(
        Reason.BACKEND_MISSING,
        f"cannot run agent {turn.blueprint.name!r}: {launch.title} is started by {launch.command[0]!r}: {found}"
        " (docs/how-to/run-other-agents.md says how to install it)",
    )


async def _until_end(
    launch: Launch, process: ClientProcess, talk: Talk, stop: asyncio.Event, printed: Printed
) -> Outcome:
    talking = asyncio.create_task(talk.run())
    stopping, flooded = asyncio.create_task(stop.wait()), asyncio.create_task(printed.is_too_much.wait())
    try:
        await asyncio.wait({talking, stopping, flooded}, return_when=asyncio.FIRST_COMPLETED)
        if printed.is_too_much.is_set():
            return talk.with_figures(printed.outcome(talk.last_text))
        if not talking.done():
            await talk.ask_to_stop()
            await asyncio.wait({talking}, timeout=OBEY_SECONDS)
            return talk.with_figures(Outcome(Ending.STOPPED, talk.last_text))
        return talk.with_figures(await talking)
    except GoneError:
        exit_code = await _exit_code(process)
        return talk.with_figures(died(launch.title, exit_code, process.last_words, talk.last_text))
    finally:
        for task in (talking, stopping, flooded):
            task.cancel()
        await asyncio.gather(talking, stopping, flooded, return_exceptions=True)


async def _exit_code(process: ClientProcess) -> int | None:
    # One that has closed its output and lives on has no exit code; it is ended by the caller.
    try:
        return await asyncio.wait_for(process.wait_for_exit(), LEAVE_SECONDS)
    except TimeoutError:
        return process.exit_code
