"""Find out whether commands can be started warm on this machine, by having a warm parent made."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from lib.config import Config
from lib.executor import COMMANDS, command_of
from lib.keeper.warm import shown_to_all
from lib.keeper.warm_line import NotWarmError, WarmLine
from lib.warm_commands import WarmCommand, WarmCommands

LOOK_EVERY_SECONDS = 0.05


def why_not_warm(config: Config, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """Say why commands are not started warm, and what to do about it; None if they are."""
    if not config.warm_starts:
        return "AGENT_LAUNCHER_WARM_STARTS=off", "unset it"
    commands = WarmCommands(are_wanted=True)
    declared = {name: commands.declared(command_of(name, config)) for name in sorted(set(COMMANDS.values()))}
    for name, command in declared.items():
        if command is None:
            return f"'{name}' does not say that it can be", ""
        if not commands.startable(command):
            return f"the packages of '{name}' are not made in a .venv beside its folder", "run 'make' there"
    return _trial([command for command in declared.values() if command is not None], environment)


def _trial(commands: list[WarmCommand], environment: Mapping[str, str]) -> tuple[str | None, str]:
    scripts = {str(command.script): command.module for command in commands if command.python == commands[0].python}
    try:
        line = WarmLine(str(commands[0].python), scripts, shown_to_all(environment))
    except OSError as error:
        return f"'{commands[0].python}' cannot be executed: {error.strerror}", "make the packages anew"
    try:
        while not line.is_ready():
            time.sleep(LOOK_EVERY_SECONDS)
    except NotWarmError:
        return "the commands cannot be loaded", f"see why with '{commands[0].script} --help'"
    finally:
        line.kill()
        os.waitpid(line.pid, 0)
    return None, ""
