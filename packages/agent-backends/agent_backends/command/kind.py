"""What the kind `command` says of itself."""

import shutil
from collections.abc import Mapping

from agent_backends.kind import Found, Kind, Option
from agent_backends.protocol import Backend
from runtime_client.wire import JsonObject


def _load() -> Backend:
    from agent_backends.command.backend import CommandBackend

    return CommandBackend()


def _look(options: JsonObject, command: tuple[str, ...], environment: Mapping[str, str]) -> Found:  # noqa: ARG001
    # Not asked for its version: any program may do anything when it is run.
    return Found(program=shutil.which(command[0], path=environment.get("PATH")) if command else None)


def describe() -> Kind:
    """Say what blueprints of this kind may say, and how it is run and found."""
    return Kind(
        name="command",
        title="Any program",
        takes_command=True,
        options=(Option("allow_empty_result", "whether it may print nothing", "`false`"),),
        load=_load,
        permissions=("allow",),
        look=_look,
        cannot_hold={
            "permission": "any program may do what it likes and asks nobody, and only a 'sandbox' keeps it in",
            "max_turns": "nobody sees the calls that any program makes to a model",
        },
    )
