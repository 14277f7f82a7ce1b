"""From a turn to a command line of Gemini CLI, and the settings beside it."""

from collections.abc import Mapping
from pathlib import Path

from agent_backends.client.running import Launch
from agent_backends.client.servers import HTTP, SSE, McpServer, servers_of
from agent_backends.gemini.home import FOLDER, HomeOfTurn
from agent_backends.gemini.options import GeminiOptions
from agent_backends.protocol import Turn
from agent_backends.sandbox.command_prefix import Needs
from runtime_client.wire import Json, JsonObject

TITLE = "Gemini CLI"
_OURS = "AGENT_"


def prepare_launch(turn: Turn, options: GeminiOptions, home: HomeOfTurn) -> Launch:
    """Decide how the client is started for one turn, and make the home that it needs for that.

    Errors:  UnexpectedAnswerError, for an MCP server that is not understood, and for settings that cannot be read.
    """
    command = (
        options.client_path,
        *("--output-format", "stream-json", "--skip-trust", "--approval-mode", options.approval_mode),
        *(() if turn.backend_session_id is None else ("--resume", turn.backend_session_id)),
        *(() if turn.blueprint.model is None else ("--model", turn.blueprint.model)),
    )
    # Its wrapper would swallow every signal, and its real process would go on without us.
    environment = {**turn.environment, "GEMINI_CLI_NO_RELAUNCH": "true"}
    own = own_folder(turn)
    writable = [own] if own.is_dir() else []
    if settings := _settings(turn, options):
        home.make(settings)
        environment["GEMINI_CLI_HOME"] = str(home.path)
        writable = [own, home.path]
    elif turn.blueprint.sandbox is not None:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = [own]
    return Launch(TITLE, command, environment, Needs(writable=tuple(writable)))


def own_folder(turn: Turn) -> Path:
    """Return where the client keeps its settings, its login and its conversations."""
    environment = turn.environment
    return Path(environment.get("GEMINI_CLI_HOME") or environment.get("HOME") or Path.home()) / FOLDER


def prompt_of(turn: Turn) -> str:
    """Return what the client reads as its prompt; the system prompt opens the conversation, and stays in it."""
    opening = turn.blueprint.system_prompt if turn.backend_session_id is None else ""
    return f"{opening}\n\n{turn.prompt}" if opening else turn.prompt


def _settings(turn: Turn, options: GeminiOptions) -> JsonObject:
    servers = {
        server.name: _told(server, turn.environment, trust=not options.rejects_servers) for server in servers_of(turn)
    }
    given: dict[str, Json] = dict(options.settings)
    if servers:
        given["mcpServers"] = servers
    if options.max_turns is not None:
        model = given.get("model")
        given["model"] = {**(model if isinstance(model, Mapping) else {}), "maxSessionTurns": options.max_turns}
    return given


def _told(server: McpServer, environment: Mapping[str, str], *, trust: bool) -> JsonObject:
    if server.kind == HTTP:
        return {"httpUrl": server.url, "headers": dict(server.headers), "trust": trust}
    if server.kind == SSE:
        return {"url": server.url, "headers": dict(server.headers), "trust": trust}
    program, *words = server.command
    # It keeps from servers what looks like a secret by its name, our token among it.
    ours = {name: value for name, value in environment.items() if name.startswith(_OURS)}
    return {"command": program, "args": words, "env": {**ours, **server.variables}, "trust": trust}
