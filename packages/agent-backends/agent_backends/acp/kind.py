"""What the kind `acp` says of itself."""

from collections.abc import Mapping

from agent_backends.acp.options import CANNOT_HOLD, Resume
from agent_backends.acp.questions import RULED_TOOLS
from agent_backends.client.permission import PERMISSIONS
from agent_backends.kind import Found, Kind, Option, found_program
from agent_backends.protocol import Backend
from runtime_client.wire import JsonObject


def _load() -> Backend:
    from agent_backends.acp.backend import AcpBackend

    return AcpBackend()


def _look(options: JsonObject, command: tuple[str, ...], environment: Mapping[str, str]) -> Found:  # noqa: ARG001
    # Each has another place for its login, and only a prompt would show whether it counts.
    return found_program(command[0], environment) if command else Found()


def describe() -> Kind:
    """Say what blueprints of this kind may say, and how it is run and found."""
    return Kind(
        name="acp",
        title="Any agent of the Agent Client Protocol",
        takes_command=True,
        options=(
            Option(
                "permission", "what it is answered when it asks: `allow_once` or `reject`", "`allow_once`", PERMISSIONS
            ),
            Option("config", "its own configuration options, by id or category: `mode`, `model`, …"),
            Option("resume", "`auto`, `load`, or `never` for one that cannot", "`auto`", tuple(Resume)),
            Option("own_folders", "where it keeps conversations, settings and login: there it may write in a sandbox"),
            Option("start_seconds", "how long it may take to answer before it has the prompt", "120"),
        ),
        load=_load,
        permissions=("allow", "ask", "deny"),
        ruled_tools=RULED_TOOLS,
        look=_look,
        cannot_hold=CANNOT_HOLD,
    )
